"""The cocotb tests: one for each set of the bench that +bench=NAME names. For cocotb 2.1 or newer.

Plusargs as for the SystemVerilog bench: +package=DIR +set=NAME +seed=N +gaps=PERCENT +stalls=PERCENT +stop_after=N
+watchdog=CLOCKS +dut=DIR +junit=FILE.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cocotb
from cocotb.clock import Clock

from .index import package_of, read_benches
from .scoreboard import Scoreboard
from .streams import Driver, Monitor, configure, reset


def _text(name: str, default: str) -> str:
    return str(cocotb.plusargs.get(name, default))


def _number(name: str, default: int) -> int:
    return int(_text(name, str(default)))


FOLDER = Path(__file__).resolve().parent.parent
BENCH = next(bench for bench in read_benches(FOLDER / "benches.json") if bench.name == _text("bench", ""))
NAMES = [name for name in BENCH.set_names if _text("set", name) == name]
SUITES = ElementTree.Element("testsuites")
ERRORS = [0]
"""Of all sets so far; +stop_after counts over them."""


@cocotb.test()
@cocotb.parametrize(("name", [cocotb.Param(name, name=name) for name in NAMES]))
async def play(dut: Any, name: str) -> None:
    """Play one set; fail if a word differs or the design stands still."""
    stop_after = _number("stop_after", 20)
    package = _text("package", str(FOLDER / package_of(FOLDER / "benches.json")))
    played = BENCH.load(name, Path(package))
    board = Scoreboard(BENCH, played, stop_after=stop_after, emit=_emit, earlier=ERRORS[0])
    if not board.stopped:
        await _played(dut, board)
    ERRORS[0] += board.errors
    board.name_first()
    if "dut" in cocotb.plusargs and board.beats:
        board.dump(Path(_text("dut", "")) / played.folder)
    SUITES.append(board.suite())
    if "junit" in cocotb.plusargs:
        ElementTree.indent(SUITES)
        ElementTree.ElementTree(SUITES).write(_text("junit", ""), encoding="UTF-8", xml_declaration=True)
    assert not board.errors, f"{board.errors} errors, the first in {_first(board)}"
    assert board.complete, "not played to its end: there were errors enough before"


async def _played(dut: Any, board: Scoreboard) -> None:
    seed = _text("seed", "1")
    Clock(dut.clk, 10, unit="ns").start()
    driver = Driver(
        dut, board.bench, board.played, seed=f"in {seed} {board.played.name}", gaps=min(_number("gaps", 0), 95)
    )
    driver._idle()
    await reset(dut, board.bench)
    await configure(dut, board.played)
    monitor = Monitor(
        dut,
        board,
        driver,
        seed=f"out {seed} {board.played.name}",
        stalls=min(_number("stalls", 0), 95),
        watchdog=_number("watchdog", 200000),
    )
    offering = cocotb.start_soon(driver.run())
    await monitor.run()
    offering.cancel()


def _first(board: Scoreboard) -> str:
    return next((check.name for check in board.checks if check.errors), "the handshake")


def _emit(line: str) -> None:
    print(line, flush=True)
