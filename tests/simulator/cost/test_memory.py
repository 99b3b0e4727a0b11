"""External traffic and its cycles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittrue.simulator.cost.memory import (
    ExternalTraffic,
    external_traffic,
    memory_cycles,
    start_cycles,
    transfer_cycles,
)
from bittrue.spec.machine import Machine


@pytest.mark.parametrize(
    ("byte_count", "bandwidth", "expected"),
    [
        (0, 100, 0),
        (8, 100, 8),  # 100 MB/s at 100 MHz is a byte a cycle
        (8, 75, 11),  # ceil(8 / 0.75)
        (17, 1000, 10),  # 3 bursts of 8, 2 in flight: 2 groups, one latency of 10 beyond the first
        (64, 1000, 30),  # 8 bursts, 4 groups
        (64, 100, 64),  # the data take longer than the latencies
    ],
)
def test_a_transfer_by_hand(byte_count: int, bandwidth: int, expected: int, machine: Callable[..., Machine]) -> None:
    """max(data cycles, latencies of the later groups of bursts)."""
    memory = machine({"dram.bandwidth_mb_per_s": bandwidth}).dram
    assert transfer_cycles(byte_count, memory, 100) == expected


def test_dram_and_flash_work_side_by_side_behind_one_dma(machine: Callable[..., Machine]) -> None:
    """DRAM 30 B at 1 B/cycle, flash 20 B at 1/2 B/cycle: 40 cycles; a DMA of 1 B/cycle needs 50."""
    traffic = ExternalTraffic(dram_read_bytes=20, dram_write_bytes=10, flash_read_bytes=20)
    assert memory_cycles(traffic, machine()) == 40
    assert memory_cycles(traffic, machine({"dma.bytes_per_cycle": 1})) == 50


def test_the_first_latency_is_the_longest_of_the_memories_read(machine: Callable[..., Machine]) -> None:
    """DRAM 10, flash 20 cycles; writing alone waits for nothing."""
    assert start_cycles(ExternalTraffic(dram_read_bytes=1), machine()) == 10
    assert start_cycles(ExternalTraffic(dram_read_bytes=1, flash_read_bytes=1), machine()) == 20
    assert start_cycles(ExternalTraffic(dram_write_bytes=1), machine()) == 0


def test_resident_activations_do_not_move(machine: Callable[..., Machine], calls: Any) -> None:
    """A linear step, [6, 10] -> 7: 60 B in, 42 B out, 70 + 19 B of constants; only what is external is counted."""
    call = calls.linear("fc", calls.tensor("x", 6, 10), 7)
    gemm = call.op.work(call).gemm
    assert external_traffic(call, gemm, set(), machine()) == ExternalTraffic(89, 0, 0)
    assert external_traffic(call, gemm, {"x"}, machine()) == ExternalTraffic(60 + 89, 0, 0)
    assert external_traffic(call, gemm, {"x", "fc"}, machine()) == ExternalTraffic(60 + 89, 42, 0)
    assert external_traffic(call, gemm, {"x"}, machine({"weights_in": "flash"})) == ExternalTraffic(60, 0, 89)


def test_a_tensor_read_twice_by_one_step_comes_once(machine: Callable[..., Machine], calls: Any) -> None:
    """add(x, x) of 30 elements fetches 30 bytes and 9 of constants."""
    x = calls.tensor("x", 5, 6)
    assert external_traffic(calls.add("sum", x, x), None, {"x"}, machine()) == ExternalTraffic(39, 0, 0)


@pytest.mark.parametrize(
    ("rows", "out", "expected"),
    [
        # Input rows * 100 bytes, constants 100*out + 2*out + 5 bytes, buffers of 1024 bytes.
        (30, 9, 3000 + 923),  # the weight fits: everything once, though the input has 3 pieces
        (10, 50, 1000 + 5105),  # the input fits: everything once, though the weight has 5 pieces
        (30, 20, 2 * 3000 + 2045),  # 2 pieces of weight: 8045, less than 3000 + 3 * 2045 = 9135
        (11, 10, 1100 + 2 * 1025),  # 2 pieces of input: 3150, less than 2 * 1100 + 1025 = 3225
    ],
)
def test_what_does_not_fit_is_fetched_again(
    rows: int, out: int, expected: int, machine: Callable[..., Machine], calls: Any
) -> None:
    """The cheaper of: the weight again for each piece of the input, the input again for each piece of the weight."""
    call = calls.linear("fc", calls.tensor("x", rows, 100), out)
    assert external_traffic(call, call.op.work(call).gemm, {"x"}, machine()).dram_read_bytes == expected


@given(
    byte_count=st.integers(0, 10_000),
    bandwidth=st.integers(1, 2000),
    burst=st.integers(1, 128),
    outstanding=st.integers(1, 16),
    more=st.integers(0, 100),
)
def test_a_better_memory_never_costs_cycles(
    byte_count: int, bandwidth: int, burst: int, outstanding: int, more: int, machine: Callable[..., Machine]
) -> None:
    """Cycles do not grow with bandwidth, burst length or bursts in flight."""

    def cycles(bandwidth: int, burst: int, outstanding: int) -> int:
        changes = {
            "dram.bandwidth_mb_per_s": bandwidth,
            "dram.burst_bytes": burst,
            "dram.outstanding_bursts": outstanding,
        }
        return transfer_cycles(byte_count, machine(changes).dram, 100)

    base = cycles(bandwidth, burst, outstanding)
    assert cycles(bandwidth + more, burst, outstanding) <= base
    assert cycles(bandwidth, burst + more, outstanding) <= base
    assert cycles(bandwidth, burst, outstanding + more) <= base
