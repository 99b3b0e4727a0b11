"""The part of the SystemVerilog bench that moves beats: the driver with its gaps, the monitor with its stalls.

A beat moves where valid and ready are both 1 at a rising edge. Between beats the inputs are x, so that a design
which reads them then is found (where the simulator knows x).
"""

from __future__ import annotations

from bittrue.golden.benches.plan import Bench, Signal
from bittrue.golden.benches.verilog_words import SHORT, checks, value


def driver(bench: Bench) -> str:
    """The process that offers beats."""
    idle = "".join(f"            {signal.port} <= {_unknown(bench, signal)};\n" for signal in bench.streams)
    last, step = "", bench.design.lanes if bench.form == "mac" else 1
    if bench.form != "elements":
        idle += "            in_last <= 1'bx;\n"
        last = f"            in_last <= column_in + {step} >= columns_in;\n"
    offer = "".join(_offer(bench, signal) for signal in bench.streams)
    return f"""\
    // Driver.
    integer offered, sent, row_in, column_in, lane;
    always @(posedge clk) begin : driver
        if (!running) begin
            in_valid <= 1'b0;
{idle}            offered = 0;
            sent = 0;
            row_in = 0;
            column_in = 0;
        end else if (!in_valid || in_ready === 1'b1) begin
            if (in_valid) sent = sent + 1;
            gap_random = xorshift(gap_random);
            in_valid <= 1'b0;
{idle}            if (offered < beats_to_send && gap_random % 100 >= gaps) begin
                in_valid <= 1'b1;
{_indented(offer + last)}                offered = offered + 1;
                column_in = column_in + {step};
                if (column_in >= columns_in) begin
                    column_in = 0;
                    row_in = row_in + 1;
                end
            end
        end
    end
"""


def _unknown(bench: Bench, signal: Signal) -> str:
    lanes = bench.design.lanes if bench.form == "mac" else 1
    return f"{{{lanes * signal.word.bits}{{1'bx}}}}"


def _offer(bench: Bench, signal: Signal) -> str:
    port, bits = signal.port, signal.word.bits
    if bench.form != "mac":
        index = f"row_in * row_step_{port} + column_in * column_step_{port}"
        return f"            {port} <= mem_{port}[{index}]{_low(bits)};\n"
    return f"""\
            for (lane = 0; lane < {bench.design.lanes}; lane = lane + 1)
                if (column_in + lane < columns_in)
                    {port}[lane * {bits} +: {bits}] <= mem_{port}[row_in * columns_in + column_in + lane]{_low(bits)};
                else {port}[lane * {bits} +: {bits}] <= {bits}'d0;
"""


def _low(bits: int) -> str:
    return "" if bits == 64 else f"[{bits - 1}:0]"


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def monitor(bench: Bench) -> str:
    """The process that takes beats and compares every stage of each."""
    return "\n".join((_mismatch(bench), *(_check(bench, k) for k in range(len(bench.stages))), _take(bench)))


def _mismatch(bench: Bench) -> str:
    shown = bench.constants if bench.form == "mac" else (*bench.streams, *bench.constants)
    operands = "".join(_operand(signal, first=k == 0) for k, signal in enumerate(shown))
    more = '            $write(" k=%0d", columns_in);\n' if bench.form == "mac" else ""
    return f"""\
    // Monitor.
    integer taken, idle, row_out, column_out;
    reg unknown;

    // The end of a line that reports a mismatch: the operands of that element.
    task mismatched(input integer check, input integer word, input integer row, input integer column,
                    input [63:0] expected, input [63:0] actual);
        begin
            if (errors_of[check] == 0) begin
                first_of[check] = word;
                expected_of[check] = expected;
                actual_of[check] = actual;
            end
            errors_of[check] = errors_of[check] + 1;
            errors = errors + 1;
{operands}{more}            $display(" beat=%0d time=%0dns", taken, $time);
            if (stop_after != 0 && errors >= stop_after) stop = 1'b1;
        end
    endtask
"""


def _operand(signal: Signal, *, first: bool) -> str:
    port, bits = signal.port, signal.word.bits
    word = f"mem_{port}[row * row_step_{port} + column * column_step_{port}]"
    name = SHORT.get(signal.name, signal.name)
    text = f'" {name}=0x%h(%0d)", {word}{_low(bits)}, $signed({word})' if first else f'" {name}=%0d", $signed({word})'
    return f"            if (shown_{port}) $write({text});\n"


def _check(bench: Bench, index: int) -> str:
    signal = bench.stages[index]
    port, bits = signal.port, signal.word.bits
    return f"""\
    reg wrong_{port};
    reg [63:0] kept_{port};
    task check_{port}(input integer row, input integer column, input [63:0] actual);
        integer word, check;
        reg [63:0] expected, low;
        begin
            word = row * row_step_{port} + column * column_step_{port};
            check = set * CHECKS + {index};
            expected = mem_{port}[word];
            // A word of a whole row stands at each of the row's beats and is counted once.
            if (column_step_{port} != 0 || column == 0) begin
                if (!stop) words_of[check] = words_of[check] + 1;
                wrong_{port} = 1'b0;
                kept_{port} = actual;
            end
            if (actual !== expected && !wrong_{port} && !stop) begin
                wrong_{port} = 1'b1;
                kept_{port} = actual;
                $write("MISMATCH layer=%0s stage={signal.name} idx=%0d row=%0d col=%0d exp=0x%h(%0d) act=0x%h(%0d)",
                       set_name, word, row, column, expected{_low(bits)}, $signed(expected),
                       actual{_low(bits)}, $signed(actual));
                mismatched(check, word, row, column, expected, actual);
            end
            if (dut_folder != "" && (column_step_{port} != 0 || column == columns_out - 1)) begin
                // At the package's width, where that loses nothing; else all bits, which no word equals.
                low = value(kept_{port}, bits_{port}, 1'b0);
                if (value(low, bits_{port}, signed_{port}) === kept_{port}) $fdisplay(dump_{port}, "%0h", low);
                else $fdisplay(dump_{port}, "%h", kept_{port}{_low(bits)});
            end
        end
    endtask
"""


def _take(bench: Bench) -> str:
    mac = bench.form == "mac"
    compared = "".join(_compared(bench, signal) for signal in bench.stages)
    if mac:
        compare = (
            "                    for (column_out = 0; column_out < columns_out; column_out = column_out + 1) begin\n"
            f"{_indented(compared)}                    end\n                    row_out = row_out + 1;\n"
        )
    else:
        last = _last(bench) if bench.form == "rows" else ""
        compare = f"""\
{compared}{last}                    column_out = column_out + 1;
                    if (column_out == columns_out) begin
                        column_out = 0;
                        row_out = row_out + 1;
                    end
"""
    return f"""\
    always @(posedge clk) begin : monitor
        if (!running) begin
            out_ready <= 1'b0;
            taken = 0;
            idle = 0;
            row_out = 0;
            column_out = 0;
            unknown = 1'b0;
        end else begin
            idle = idle + 1;
            if ((out_valid ^ in_ready) === 1'bx) unknown = 1'b1;
            if (in_valid && in_ready === 1'b1) idle = 0;
            if (out_valid === 1'b1 && out_ready) begin
                idle = 0;
                if (taken < beats_to_take && !stop) begin
{compare}                end
                taken = taken + 1;
            end
            stall_random = xorshift(stall_random);
            out_ready <= stall_random % 100 >= stalls;
        end
    end
"""


def _compared(bench: Bench, signal: Signal) -> str:
    port, word = signal.port, signal.word
    bits, sign = port, f"{port}[{word.bits - 1}]"
    if bench.form == "mac":
        bits = f"{port}[column_out * {word.bits} +: {word.bits}]"
        sign = f"{port}[column_out * {word.bits} + {word.bits - 1}]"
    return f"                    check_{port}(row_out, column_out, {value(bits, sign, word)});\n"


def _last(bench: Bench) -> str:
    index = len(checks(bench)) - 1
    return f"""\
                    if (!stop) words_of[set * CHECKS + {index}] = words_of[set * CHECKS + {index}] + 1;
                    if (out_last !== (column_out == columns_out - 1) && !stop) begin
                        $write("MISMATCH layer=%0s stage=out_last idx=%0d row=%0d col=%0d exp=0x%h(%0d) act=0x%h(%0d)",
                               set_name, taken, row_out, column_out, column_out == columns_out - 1,
                               column_out == columns_out - 1, out_last, out_last);
                        mismatched(set * CHECKS + {index}, taken, row_out, column_out,
                                   {{63'd0, column_out == columns_out - 1}}, {{63'd0, out_last}});
                    end
"""
