"""Accumulators of the MAC ops under the datapath's overflow rule, for the kernels.

One form serves conv2d, linear and matmul. A step is a set of groups; a group has rows of weights over
the same taps; a tap is a run of consecutive operand codes, one for each output of a row:

    accumulator[g, r, p] = bias + sum over t of weight[g, r, t] * data[starts[g, t] + p]

Taps stand in the order in which the machine adds them. That order is obeyed where it matters (an
accumulator that saturates) and free where it does not (docs/design.md, decision 3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.accumulate_fast import multiply_accumulate
from bittrue.simulator.accumulate_ordered import (
    ACCUMULATOR,
    ADDER,
    SATURATE,
    SPILL,
    WRAP,
    saturating_multiply_accumulate,
    saturating_sums,
    tiled_multiply_accumulate,
    tiled_sums,
)
from bittrue.simulator.fixed import saturate, wrap
from bittrue.simulator.jit import jit
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call
from bittrue.spec.units.mac import Mac

Integers = NDArray[np.integer]


def working_dtype(call: Call) -> np.dtype[np.signedinteger]:
    """The type of a step's operands and accumulators: int32 where the proved bound fits it, else int64."""
    fits = call.accumulator_proved and call.bound is not None and call.bound.bits <= 32
    return np.dtype(np.int32 if fits else np.int64)


def centred(codes: Integers, zero_point: int, dtype: np.dtype[np.signedinteger]) -> Integers:
    """Every element's code - zero_point, in `dtype`, C-contiguous."""
    if zero_point == 0:
        return codes.astype(dtype, order="C")
    # Exact in int64 whatever the zero point; narrowing keeps the value modulo 2**32, and a step that
    # works in int32 has a proved result modulo 2**32.
    return (codes.astype(np.int64) - zero_point).astype(dtype, order="C", copy=False)


def accumulate(
    call: Call,
    weight: Integers,
    data: Integers,
    starts: Integers,
    *,
    length: int,
    bias: Integers | None = None,
    ends: Integers | None = None,
) -> Integers:
    """The accumulators of a step, after every register of the datapath's MAC.

    weight: [groups, rows, taps]; data: flat, with length codes from every start; starts: [groups, taps];
    bias: broadcastable to the result, None for an op without one; ends: the tap after each tile's last, None
    for tiles of k_tile taps. Returns [groups, rows, length], int32 or int64.
    """
    dtype, mac = working_dtype(call), call.datapath.mac
    initial = np.zeros(1, np.int64) if bias is None else bias.astype(np.int64)
    shape = (weight.shape[0], weight.shape[1], length)
    taps = (_native(weight, dtype), _native(starts, np.dtype(np.int64)), _native(data, dtype))
    if call.accumulator_proved or not mac.ordered:
        accumulator = _filled(shape, initial, dtype)
        multiply_accumulate(accumulator, *taps)
        return _left(call, accumulator if call.accumulator_proved else _finished(mac, accumulator, call.step))
    first, last = (initial, 0) if mac.bias == "first" else (0, initial)
    accumulator = _register(mac, _filled(shape, first, dtype))
    if mac.k_tile:
        tiles = tile_ends(mac, weight.shape[2]) if ends is None else ends
        tiled_multiply_accumulate(accumulator, *taps, tiles, register_rules(mac))
    else:
        saturating_multiply_accumulate(accumulator, *taps, mac.accumulator_bits)
    if mac.bias == "last":
        accumulator = _register(mac, accumulator + last)
    return _left(call, _finished(mac, accumulator, call.step) if mac.overflow == "saturate_at_end" else accumulator)


def accumulate_terms(call: Call, terms: Integers) -> Integers:
    """The accumulators of a plain sum, after every register of the datapath's MAC.

    terms: int64 [rows, terms], added from the first to the last. Returns int64 [rows].
    """
    mac = call.datapath.mac
    if call.accumulator_proved or not mac.ordered:
        total = np.asarray(terms.sum(axis=1, dtype=np.int64))
        return _left(call, total if call.accumulator_proved else _finished(mac, total, call.step))
    total = np.zeros(terms.shape[0], np.int64)
    if mac.k_tile:
        tiled_sums(total, np.ascontiguousarray(terms), tile_ends(mac, terms.shape[1]), register_rules(mac))
    else:
        saturating_sums(total, np.ascontiguousarray(terms), mac.accumulator_bits)
    return _left(call, _finished(mac, total, call.step) if mac.overflow == "saturate_at_end" else total)


def register_codes(call: Call, codes: Integers, bits: int) -> Integers:
    """Codes as the multiplier reads their registers of `bits` bits: themselves, or the unsigned number."""
    return codes if call.datapath.mac.products == "signed" else codes.astype(np.int64) & ((1 << bits) - 1)


def tile_ends(mac: Mac, taps: int) -> NDArray[np.int64]:
    """The tap after each tile's last where tiles are k_tile consecutive taps (one tap without tiles)."""
    size = max(mac.k_tile, 1)
    return np.minimum(np.arange(size, taps + size, size, dtype=np.int64), taps)


def register_rules(mac: Mac) -> NDArray[np.int64]:
    """What adder, accumulator and spill do past their ends: int64 [3, 2] for accumulate_ordered.py."""
    kinds = {"wrap": WRAP, "saturate": SATURATE}
    rules = np.zeros((3, 2), np.int64)
    for row, bits, overflow in (
        (ADDER, mac.adder_bits, mac.adder_overflow),
        (ACCUMULATOR, mac.accumulator_bits, mac.overflow),
        (SPILL, mac.spill_bits, mac.spill_overflow),
    ):
        if bits is not None and overflow in kinds:
            rules[row] = kinds[overflow], bits
    return rules


def _register(mac: Mac, values: Integers) -> Integers:
    """What the accumulator keeps of a loaded or finished sum; a register that starts at the bias cannot hold
    more than its own range either."""
    if mac.overflow == "wrap":
        return _wrapped(values, mac.accumulator_bits)
    return _saturated(values, mac.accumulator_bits) if mac.overflow == "saturate" else values


def _finished(mac: Mac, exact: Integers, step: str) -> Integers:
    """What becomes of an exact sum whose order does not matter."""
    if mac.overflow == "wrap":
        return _wrapped(exact, mac.accumulator_bits)
    if mac.overflow == "saturate_at_end":
        return _saturated(exact, mac.accumulator_bits)
    if mac.overflow == "exact":
        return exact
    raise IllFormed(
        "the accumulator may overflow and the datapath refuses overflow",
        where=step,
        expected=f"a proved bound of at most {mac.accumulator_bits} bits",
    )


def _left(call: Call, accumulator: Integers) -> Integers:
    """The accumulator as it leaves the unit."""
    bits = call.datapath.mac.output_bits
    if bits is None or (call.bound is not None and call.accumulator_proved and call.bound.bits <= bits):
        return accumulator
    return _saturated(accumulator, bits)


def _native(array: Integers, dtype: np.dtype[np.signedinteger]) -> Integers:
    """A writable C-contiguous array of one dtype: each other kind would be compiled for anew."""
    return np.require(array, dtype, ["C_CONTIGUOUS", "WRITEABLE"])


def _filled(shape: tuple[int, ...], initial: Integers | int, dtype: np.dtype[np.signedinteger]) -> Integers:
    accumulator = np.empty(shape, dtype)
    accumulator[...] = initial
    return accumulator


def _wrapped(accumulator: Integers, bits: int) -> Integers:
    """An exact sum as the register keeps it; equal to wrapping after every addition."""
    _wrap_all(accumulator.reshape(-1), bits)
    return accumulator


def _saturated(accumulator: Integers, bits: int) -> Integers:
    _saturate_all(accumulator.reshape(-1), bits)
    return accumulator


@jit
def _wrap_all(values: Integers, bits: int) -> None:
    for index in range(values.size):
        values[index] = wrap(values[index], bits)


@jit
def _saturate_all(values: Integers, bits: int) -> None:
    for index in range(values.size):
        values[index] = saturate(values[index], bits)
