"""A design as yosys sees it, with faults planted in its netlist: every mutant in one Verilog file, chosen at run time.

The netlist is flat and at word level (adders, multiplexers, registers, memories). `mutate` ties a pin of one cell to 0
or 1, inverts it, or flips it where another pin of the same port is 0 or 1 (yosys, `help mutate`).
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from rtl.design import FOLDER, Design
from rtl.yosys import run

TOP, SELECT, SELECT_BITS = "bt_mutants", "mutant_select", 16
CLEAN, PATIENT, REVERSED, BRIEF = 1 << 16, 1 << 17, 1 << 18, 1 << 19
"""Added to a mutant's number: the bench leaves out noise and second reset; takes a beat only once it is offered; turns
the bits of cfg_sel over, so that constants are written in the other order. BRIEF is the driver's (mutant_match.py)."""
NETLIST = "netlist.il"
QUIET = """
    DECLFILENAME UNUSEDSIGNAL UNUSEDPARAM UNDRIVEN WIDTHEXPAND WIDTHTRUNC CASEINCOMPLETE CASEOVERLAP UNOPTFLAT LATCH
    VARHIDDEN PINMISSING PINCONNECTEMPTY BLKSEQ CMPCONST UNSIGNED MULTITOP SYNCASYNCNET ASCRANGE
"""
"""What Verilator may say of a netlist that yosys wrote, and of one with faults."""


def noise(seed: int) -> int:
    """Added to a mutant's number: how much sooner the second reset comes, 0..255, then another noise."""
    return seed << 20


@dataclass(frozen=True)
class Mutant:
    """One fault; number 0 is the design itself."""

    number: int
    command: str
    """Options of `mutate` without -ctrl."""

    @property
    def place(self) -> str:
        """Mode, pin and source line, for people."""
        found = dict(re.findall(r"-(mode|cell|port|portbit|wire|src) (\S+)", self.command))
        source = re.findall(r"-src (\S+)", self.command)
        name = found.get("wire") or re.sub(r"\$\d+$", "", found["cell"])
        return f"{found['mode']} {name} {found['port']}[{found['portbit']}] at {source[-1] if source else '?'}"


def synthesize(design: Design, folder: Path) -> None:
    """Write the netlist of a design, its parameters set, into a folder."""
    for path in (*design.paths, *FOLDER.glob("*.svh")):
        shutil.copy(path, folder)
    values = " ".join(f"-set {name} {value}" for name, value in design.parameters.items())
    commands = [
        f"read_verilog -sv -I. {' '.join(design.sources)}",
        f"chparam {values} {design.top}" if values else "",
        f"hierarchy -check -top {design.top}",
        "proc; flatten; opt -full; memory_dff; memory_collect; opt_clean",
        f"write_rtlil {NETLIST}",
    ]
    run("; ".join(filter(None, commands)), folder=folder)


def mutants(design: Design, folder: Path, count: int, seed: int) -> tuple[Mutant, ...]:
    """So many faults, spread by yosys over the design's cells, wires and source lines."""
    run(f"read_rtlil {NETLIST}; mutate -list {count} -seed {seed} -o mutants.txt {design.top}", folder=folder)
    lines = (folder / "mutants.txt").read_text().splitlines()
    return tuple(Mutant(number, line.removeprefix("mutate ")) for number, line in enumerate(lines, 1))


def multiplexed(design: Design, chosen: tuple[Mutant, ...], folder: Path) -> Design:
    """A design with the same ports that behaves as mutant N under +bug=N, inside the bench."""
    assert max(mutant.number for mutant in chosen) < 1 << SELECT_BITS
    apply = [f"mutate -ctrl {SELECT} {SELECT_BITS} {mutant.number} {mutant.command}" for mutant in chosen]
    (folder / "mutate.ys").write_text(
        "\n".join([f"read_rtlil {NETLIST}", *apply, "write_verilog -noattr mutants.v", ""])
    )
    run("script mutate.ys", folder=folder)
    source = folder / "bt_mutants.v"
    quiet = "".join(f"/* verilator lint_off {word} */\n" for word in QUIET.split())
    source.write_text(quiet + (folder / "mutants.v").read_text() + bench(design))
    return replace(design, top=TOP, sources=(str(source),), parameters={})


def bench(design: Design) -> str:
    """The module around the mutants: it plays noise before a second reset, and noise on pins that do not count.

    +bug holds the mutant, then CLEAN, PATIENT, REVERSED and BRIEF, then when the second reset comes, then the noise.
    """
    ports, pins, offset = ["input wire clk", "input wire rst_n"], [".clk(clk)"], 3
    pins.append(".rst_n(rst_n && phase != RESET)")

    def pin(direction: str, name: str, bits: int, value: str = "") -> None:
        nonlocal offset
        ports.append(f"{direction} wire [{bits - 1}:0] {name}")
        pins.append(f".{name}({value.format(noise=f'noise[{offset} +: {bits}]') or name})")
        offset += 0 if direction == "output" else bits

    pin("input", "in_valid", 1, "phase == DIRT ? {noise} : phase == PLAY && in_valid")
    pin("input", "out_ready", 1, "phase == DIRT ? {noise} : out_ready && (valid || !patient)")
    for signal in design.inputs:
        name = f"in_{signal.name}"
        pin("input", name, signal.bits * signal.lanes, f"phase == PLAY && in_valid ? {name} : {{noise}}")
    if design.in_last:
        pin("input", "in_last", 1, "phase == PLAY ? in_valid && in_last : noise[2:0] == 0")
    if design.constants:
        pin("input", "cfg_we", 1)
        pin("input", "cfg_sel", 8, "cfg_we ? cfg_sel ^ {{8{{reversed}}}} : {noise} & 8'h0f")
        pin("input", "cfg_addr", 32, "cfg_we ? cfg_addr : {noise}")
        pin("input", "cfg_data", 64, "cfg_we ? cfg_data : {noise}")
    for signal in design.outputs:
        pin("output", f"out_{signal.name}", signal.bits * signal.lanes)
    if design.out_last:
        pin("output", "out_last", 1)
    ports += ["output wire in_ready", "output wire out_valid"]
    pins += [".in_ready(ready)", ".out_valid(valid)", f".{SELECT}(mutant[{SELECT_BITS - 1}:0])"]
    return _BENCH.format(
        top=TOP, dut=design.top, ports=", ".join(ports), pins=",\n        ".join(pins), bits=offset, select=SELECT_BITS
    )


_BENCH = """
module {top}({ports});
    localparam [1:0] LOAD = 0, DIRT = 1, RESET = 2, PLAY = 3;
    integer mutant;
    initial if ($value$plusargs("bug=%d", mutant) == 0) mutant = 0;
    reg [1:0] phase;
    reg [8:0] left;
    reg [63:0] state;  // xorshift64
    wire [63:0] a = state ^ (state << 13), b = a ^ (a >> 7), c = b ^ (b << 17);
    wire [{bits}+63:0] noise = {{({bits} / 64 + 1){{state * 64'h9E3779B97F4A7C15}}}};
    wire ready, valid, clean = mutant[{select}], patient = mutant[{select}+1], reversed = mutant[{select}+2];
    assign in_ready = phase == PLAY && ready;
    assign out_valid = phase == PLAY && valid;
    always @(posedge clk)
        if (!rst_n) begin
            phase <= LOAD;
            left <= 9'd500 - mutant[{select}+4 +: 8];
            state <= 64'd88172645463325252 + mutant[31:{select}+12];
        end else begin
            state <= c;
            if (phase == LOAD && in_valid) phase <= clean ? PLAY : DIRT;
            if (phase == DIRT) left <= left - 9'd1;
            if (phase == DIRT && left == 9'd0) phase <= RESET;
            if (phase == RESET) phase <= PLAY;  // one clock of reset is enough
        end
    {dut} dut (
        {pins});
endmodule
"""
