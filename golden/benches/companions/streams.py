"""cocotb coroutines that move beats: constants, a driver with random gaps, a monitor with random stalls.

A beat moves where valid and ready are both 1 at a rising edge of clk. Between beats the inputs are x, where the
simulator knows x. Latency is never assumed. For cocotb 2.1 or newer.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from cocotb.triggers import RisingEdge
from cocotb.types import LogicArray
from cocotb.utils import get_sim_time

from .index import Bench, Memory, Set
from .scoreboard import Scoreboard


async def reset(dut: Any, bench: Bench) -> None:
    """Hold reset for four clocks with nothing offered."""
    dut.rst_n.value = 0
    dut.in_valid.value = 0
    dut.out_ready.value = 0
    if bench.constants:
        dut.cfg_we.value = 0
    for _ in range(4):
        await RisingEdge(dut.clk)
    dut.rst_n.value = 1
    await RisingEdge(dut.clk)


async def configure(dut: Any, played: Set) -> None:
    """Write every constant, a word a clock."""
    for select, memory in enumerate(played.constants):
        for address in range(memory.writes):
            dut.cfg_we.value = 1
            dut.cfg_sel.value = select
            dut.cfg_addr.value = address
            dut.cfg_data.value = memory.written(address) & ((1 << 64) - 1)
            await RisingEdge(dut.clk)
    if played.constants:
        dut.cfg_we.value = 0
        await RisingEdge(dut.clk)


class Driver:
    """Offers the beats of a set."""

    def __init__(self, dut: Any, bench: Bench, played: Set, *, seed: str, gaps: int) -> None:
        """gaps: percent of clocks at which nothing is offered."""
        self.dut, self.bench, self.played = dut, bench, played
        self.random, self.gaps = random.Random(seed), gaps
        self.sent = 0
        step = bench.lanes if bench.form == "mac" else 1
        self.columns = range(0, played.columns_in, step)
        self.beats_to_send = played.rows * len(self.columns)

    async def run(self) -> None:
        """Offer everything, then nothing."""
        for row in range(self.played.rows):
            for column in self.columns:
                while self.random.randrange(100) < self.gaps:
                    self._idle()
                    await RisingEdge(self.dut.clk)
                self._offer(row, column)
                await RisingEdge(self.dut.clk)
                while str(self.dut.in_ready.value) != "1":
                    await RisingEdge(self.dut.clk)
                self.sent += 1
        self._idle()

    def _offer(self, row: int, column: int) -> None:
        self.dut.in_valid.value = 1
        for memory in self.played.streams:
            getattr(self.dut, memory.signal.port).value = self._pattern(memory, row, column)
        if self.bench.form != "elements":
            self.dut.in_last.value = int(column + self.columns.step >= self.played.columns_in)

    def _pattern(self, memory: Memory, row: int, column: int) -> int:
        word = memory.signal.word
        if self.bench.form != "mac":
            return _held(memory, memory.at(row, column))
        start = row * self.played.columns_in
        values = memory.values[start + column : start + min(column + self.columns.step, self.played.columns_in)]
        return sum(_held(memory, value) << (lane * word.bits) for lane, value in enumerate(values))

    def _idle(self) -> None:
        self.dut.in_valid.value = 0
        for memory in self.played.streams:
            handle = getattr(self.dut, memory.signal.port)
            handle.value = LogicArray("X" * len(handle))
        if self.bench.form != "elements":
            self.dut.in_last.value = LogicArray("X")[0]


class Monitor:
    """Takes the beats of a set and hands them to the scoreboard."""

    def __init__(self, dut: Any, board: Scoreboard, driver: Driver, *, seed: str, stalls: int, watchdog: int) -> None:
        """stalls: percent of clocks at which nothing is taken. watchdog: clocks in which some beat must move."""
        self.dut, self.board, self.driver = dut, board, driver
        self.random, self.stalls, self.watchdog = random.Random(seed), stalls, watchdog
        self.ports: dict[str, Callable[[], str]] = {
            memory.signal.name: _reader(getattr(dut, memory.signal.port)) for memory in board.played.stages
        }
        self.last = _reader(dut.out_last) if board.bench.form == "rows" else lambda: ""

    async def run(self) -> None:
        """Take beats until all are compared, or nothing moves, or there were errors enough."""
        dut, board = self.dut, self.board
        idle, sent, ready = 0, 0, False
        while not board.stopped and not (board.beats == board.beats_to_take and self._all_sent()):
            await RisingEdge(dut.clk)
            valid = str(dut.out_valid.value)
            idle += 1
            if {valid, str(dut.in_ready.value)} - {"0", "1"}:
                board.breaks("UNKNOWN_HANDSHAKE", self._state())
                return
            if valid == "1" and ready:
                idle = 0
                if board.beats == board.beats_to_take:
                    board.breaks("TOO_MANY", self._state())
                    return
                board.beat({name: read() for name, read in self.ports.items()}, self.last(), time=_time())
            if self.driver.sent != sent:
                idle, sent = 0, self.driver.sent
            if idle >= self.watchdog:
                board.breaks("STUCK", self._state())
                return
            ready = self.random.randrange(100) >= self.stalls
            dut.out_ready.value = int(ready)
        await self._drain()

    def _all_sent(self) -> bool:
        return self.driver.sent == self.driver.beats_to_send

    async def _drain(self) -> None:
        """A design may also answer more often than it is asked."""
        self.dut.out_ready.value = 1
        for clock in range(64):
            await RisingEdge(self.dut.clk)
            if clock and not self.board.stopped and str(self.dut.out_valid.value) == "1":
                self.board.breaks("TOO_MANY", self._state())
                return

    def _state(self) -> str:
        dut, driver, board = self.dut, self.driver, self.board
        moved = f"sent={driver.sent}/{driver.beats_to_send} taken={board.beats}/{board.beats_to_take}"
        ports = " ".join(
            f"{name}={getattr(dut, name).value}" for name in ("in_valid", "in_ready", "out_valid", "out_ready")
        )
        return f"{moved} {ports} time={_time()}"


def _held(memory: Memory, value: int) -> int:
    """The pattern at a port, which must hold the value."""
    word = memory.signal.word
    if not word.holds(value):
        raise ValueError(f"port {memory.signal.port} has {word.bits} bits and does not hold {value}")
    return word.pattern(value)


def _reader(handle: Any) -> Callable[[], str]:
    return lambda: str(handle.value)


def _time() -> str:
    return f"{get_sim_time('ns'):.0f}ns"
