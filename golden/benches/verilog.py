"""The plain SystemVerilog bench of one design: the text of one module, put together from its parts.

For simulators of any make: `$readmemh`, `$fopen`, `$fdisplay`, `$fwrite`, plusargs and one `string` or another; no
program blocks, classes, force, or assignment patterns; everything is declared before it is used. Files beside this
one write the parts: the sets (verilog_sets.py), the streams (verilog_streams.py), the verdict (verilog_report.py).
"""

from __future__ import annotations

from bittrue.golden.benches.plan import Bench
from bittrue.golden.benches.verilog_report import report
from bittrue.golden.benches.verilog_sets import memories, sets
from bittrue.golden.benches.verilog_streams import driver, monitor
from bittrue.golden.benches.verilog_words import checks, vector


def verilog_of(bench: Bench, *, label: str, package: str) -> str:
    """The bench as one file. label: the package, for people. package: its folder as seen from the bench's."""
    parts = (_head(bench, label, package), _ports(bench), memories(bench), _random(), driver(bench), monitor(bench),
             sets(bench), report(bench), _main(bench))  # fmt: skip
    return "\n".join(parts) + "endmodule\n"


def _head(bench: Bench, label: str, package: str) -> str:
    stages = ", ".join(signal.name for signal in bench.stages)
    return f"""\
// Self-checking bench of unit "{bench.unit}" against module {bench.design.module}, written by bittrue. See README.md.
// Package: {label}. Sets: {len(bench.plays)}. Stages compared, in this order: {stages}.
// Plusargs: +package=DIR +set=NAME +seed=N +gaps=PERCENT +stalls=PERCENT +stop_after=N +watchdog=CLOCKS
//           +dut=DIR (dump what the design made to DIR/SET/STAGE.mem; the folders must be there) +junit=FILE
`timescale 1ns/1ps

module {bench.name};
    parameter PACKAGE = "{package}";
    localparam integer SETS = {len(bench.plays)};
    localparam integer CHECKS = {len(checks(bench))};

    // Options.
    string package_folder, dut_folder, junit_path, only;
    reg [31:0] seed, gaps, stalls, stop_after, watchdog;

    // The set that is being played; written by `play` alone.
    string set_name, set_folder;
    reg running;
    integer set, rows, columns_in, columns_out;
    integer beats_to_send, beats_to_take;

    // Verdicts, by set * CHECKS + check.
    integer words_of [0:SETS*CHECKS-1];
    integer errors_of [0:SETS*CHECKS-1];
    integer first_of [0:SETS*CHECKS-1];
    reg [63:0] expected_of [0:SETS*CHECKS-1];
    reg [63:0] actual_of [0:SETS*CHECKS-1];
    integer end_of [0:SETS-1];
    localparam integer NOT_PLAYED = 0, COMPLETE = 1, STOPPED = 2, STUCK = 3, UNKNOWN_HANDSHAKE = 4, TOO_MANY = 5;
    integer errors;
    reg stop;
"""


def _ports(bench: Bench) -> str:
    """Clock, ports and the instance."""
    rows = bench.form == "rows"
    lanes, columns = (bench.design.lanes, bench.design.columns) if bench.form == "mac" else (1, 1)
    lines = [
        "    // The design.",
        "    reg clk, rst_n;",
        "    reg in_valid, out_ready;",
        "    wire in_ready, out_valid;",
    ]
    ports = ["clk", "rst_n", "in_valid", "in_ready"]
    if bench.form != "elements":
        lines.append("    reg in_last;")
        ports.append("in_last")
    if rows:
        lines.append("    wire out_last;")
    for signal in bench.streams:
        lines.append(f"    reg {vector(signal.word.bits * lanes)} {signal.port};")
        ports.append(signal.port)
    ports += ["out_valid", "out_ready", *(["out_last"] if rows else [])]
    for signal in bench.stages:
        lines.append(f"    wire {vector(signal.word.bits * columns)} {signal.port};")
        ports.append(signal.port)
    if bench.constants:
        lines += [
            "    reg cfg_we;",
            f"    reg {vector(bench.design.cfg_sel_bits)} cfg_sel;",
            f"    reg {vector(bench.design.cfg_addr_bits)} cfg_addr;",
            "    reg [63:0] cfg_data;",
        ]
        ports += ["cfg_we", "cfg_sel", "cfg_addr", "cfg_data"]
    parameters = ", ".join(f".{name}({value})" for name, value in bench.design.parameters.items())
    instance = f"    {bench.design.module} {f'#({parameters}) ' if parameters else ''}dut ("
    connected = ",\n".join(f"        .{port}({port})" for port in ports)
    clock = "    initial clk = 1'b0;\n    always #5 clk = ~clk;\n"
    return "\n".join([*lines, instance, connected, "    );", clock])


def _random() -> str:
    return """\
    // Marsaglia's xorshift: the same gaps and stalls in every simulator.
    reg [31:0] gap_random, stall_random;
    function automatic [31:0] xorshift(input [31:0] state);
        reg [31:0] word;
        begin
            word = state ^ (state << 13);
            word = word ^ (word >> 17);
            xorshift = word ^ (word << 5);
        end
    endfunction
"""


def _main(bench: Bench) -> str:
    return f"""\
    initial begin : main
        integer k;
        package_folder = PACKAGE;
        dut_folder = "";
        junit_path = "";
        only = "";
        seed = 1;
        gaps = 0;
        stalls = 0;
        stop_after = 20;
        watchdog = 200000;
        if ($value$plusargs("package=%s", package_folder)) begin end
        if ($value$plusargs("dut=%s", dut_folder)) begin end
        if ($value$plusargs("junit=%s", junit_path)) begin end
        if ($value$plusargs("set=%s", only)) begin end
        if ($value$plusargs("seed=%d", seed)) begin end
        if ($value$plusargs("gaps=%d", gaps)) begin end
        if ($value$plusargs("stalls=%d", stalls)) begin end
        if ($value$plusargs("stop_after=%d", stop_after)) begin end
        if ($value$plusargs("watchdog=%d", watchdog)) begin end
        if (gaps > 95) gaps = 95;
        if (stalls > 95) stalls = 95;
        errors = 0;
        stop = 1'b0;
        running = 1'b0;
        for (k = 0; k < SETS * CHECKS; k = k + 1) begin
            words_of[k] = 0;
            errors_of[k] = 0;
            first_of[k] = 0;
        end
        for (k = 0; k < SETS; k = k + 1) end_of[k] = NOT_PLAYED;
        $display("{bench.name}: {bench.design.module}, seed=%0d gaps=%0d%% stalls=%0d%%", seed, gaps, stalls);
        for (k = 0; k < SETS; k = k + 1)
            if (!stop) play(k);
        report;
    end
"""
