// Drives a Verilated design with the ports of docs/adr/0005-unit-vectors.md from arrays, in bulk.
//
// driver.py writes the file that includes this one: it defines PORTS, a class that moves beat `i` of every array to or
// from the pins, and the macros HAS_IN_LAST, HAS_OUT_LAST and HAS_CONSTANTS.
#pragma once
#include <cstdint>
#include <cstdio>
#include <memory>
#include <type_traits>
#include "Vdesign.h"
#include "verilated.h"

// Keep in the order of `_Call` in model.py.
struct Call {
    const void* const* in;          // by input: [in_beats][lanes]
    const uint8_t* in_last;         // [in_beats], or null
    int64_t in_beats;
    void* const* out;               // by output: [out_beats][lanes]
    uint8_t* out_last;              // [out_beats], or null
    int64_t out_beats;
    const int64_t* const* constants;  // by cfg_sel
    const int64_t* constant_words;
    int64_t constant_count;
    uint64_t seed;
    int64_t pause_in, pause_out;    // of 256 clocks, in how many the driver offers, and takes, nothing
    int64_t bug;
    int64_t idle_limit;             // clocks without a beat after which the design counts as stuck
    int64_t load_cycles, run_cycles;  // answers
    int64_t in_moved, out_moved;
};
enum Verdict { DONE = 0, STUCK = 1, SURPLUS = 2, WITHDRAWN = 3, CHANGED = 4 };

template <int BITS> inline uint64_t mask() { return BITS == 64 ? ~uint64_t{0} : (uint64_t{1} << (BITS % 64)) - 1; }

template <int BITS, bool SIGNED> inline int64_t value(uint64_t word) {
    constexpr int spare = 64 - BITS;
    return SIGNED ? static_cast<int64_t>(word << spare) >> spare : static_cast<int64_t>(word);
}

template <int BITS, int LANES, typename Pin, typename T> inline void put(Pin& pin, const T* words) {
    if constexpr (std::is_integral_v<Pin>) {
        uint64_t packed = 0;
        for (int lane = 0; lane < LANES; ++lane)
            packed |= (static_cast<uint64_t>(words[lane]) & mask<BITS>()) << (lane * BITS % 64);
        pin = static_cast<Pin>(packed);
    } else {  // words of 32 bits
        for (int i = 0; i < (LANES * BITS + 31) / 32; ++i) pin[i] = 0;
        for (int lane = 0; lane < LANES; ++lane) {
            uint64_t word = static_cast<uint64_t>(words[lane]) & mask<BITS>();
            for (int bit = lane * BITS, left = BITS; left > 0;) {
                const int at = bit % 32, taken = 32 - at < left ? 32 - at : left;
                pin[bit / 32] |= static_cast<uint32_t>(word << at);
                word >>= taken;
                bit += taken;
                left -= taken;
            }
        }
    }
}

template <int BITS, bool SIGNED, int LANES, typename Pin, typename T> inline bool take(const Pin& pin, T* words) {
    bool same = true;
    for (int lane = 0; lane < LANES; ++lane) {
        uint64_t word = 0;
        if constexpr (std::is_integral_v<Pin>) {
            word = static_cast<uint64_t>(pin) >> (lane * BITS % 64);
        } else {
            int bit = lane * BITS;
            for (int done = 0; done < BITS;) {
                const int at = bit % 32, taken = 32 - at < BITS - done ? 32 - at : BITS - done;
                word |= (static_cast<uint64_t>(pin[bit / 32]) >> at) << done;
                bit += taken;
                done += taken;
            }
        }
        const T found = static_cast<T>(value<BITS, SIGNED>(word & mask<BITS>()));
        same &= words[lane] == found;
        words[lane] = found;
    }
    return same;
}

class Pauses {  // xorshift64: the same seed gives the same clocks everywhere
    uint64_t state;
    bool next(int64_t share) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        return static_cast<int64_t>(state >> 32 & 255) < share;
    }
public:
    explicit Pauses(uint64_t seed) : state(seed * 0x9E3779B97F4A7C15u + 1) {}
    bool operator()(int64_t share) { return share != 0 && next(share); }
};

template <typename PORTS> int64_t play(Call& call) {
    VerilatedContext context;
    char plusarg[32];
    std::snprintf(plusarg, sizeof plusarg, "+bug=%lld", static_cast<long long>(call.bug));
    const char* arguments[] = {"design", plusarg};
    context.commandArgs(2, arguments);
    const auto design = std::make_unique<Vdesign>(&context);
    Vdesign& d = *design;
    const auto clock = [&] { d.clk = 1, d.eval(), d.clk = 0; };

    d.clk = 0, d.rst_n = 0, d.in_valid = 0, d.out_ready = 0;
#if HAS_CONSTANTS
    d.cfg_we = 0;
#endif
    for (int i = 0; i < 2; ++i) d.eval(), clock();
    d.rst_n = 1;
#if HAS_CONSTANTS
    d.cfg_we = 1;
    for (int64_t sel = 0; sel < call.constant_count; ++sel)
        for (int64_t address = 0; address < call.constant_words[sel]; ++address, ++call.load_cycles) {
            d.cfg_sel = sel, d.cfg_addr = address, d.cfg_data = call.constants[sel][address];
            d.eval(), clock();
        }
    d.cfg_we = 0;
#endif
    Pauses pauses(call.seed);
    bool offered = false, held = false;
    int64_t &in = call.in_moved, &out = call.out_moved;
    // A few clocks more than needed show a design that answers too often.
    for (int64_t idle = 0, surplus_clocks = 64; out < call.out_beats || in < call.in_beats || surplus_clocks-- > 0;) {
        const bool all_out = out == call.out_beats;
        if (!offered && in < call.in_beats && !pauses(call.pause_in)) {
            offered = true;
            PORTS::put(d, call.in, in);
#if HAS_IN_LAST
            d.in_last = call.in_last[in];
#endif
        }
        d.in_valid = offered;
        d.out_ready = all_out || !pauses(call.pause_out);
        d.eval();
        const bool enters = offered && d.in_ready, leaves = d.out_valid && d.out_ready;
        if (held && !d.out_valid) return WITHDRAWN;
        if (d.out_valid) {
            if (all_out) return SURPLUS;
            bool same = PORTS::take(d, call.out, out);
#if HAS_OUT_LAST
            same &= call.out_last[out] == d.out_last;
            call.out_last[out] = d.out_last;
#endif
            if (held && !same) return CHANGED;
        }
        held = d.out_valid && !leaves;
        clock();
        if (!all_out || in < call.in_beats) ++call.run_cycles;
        in += enters, out += leaves;
        offered = offered && !enters;
        idle = enters || leaves ? 0 : idle + 1;
        if (idle > call.idle_limit && (out < call.out_beats || in < call.in_beats)) return STUCK;
    }
    d.final();
    return DONE;
}
