"""Cycles and bytes of an array that works on blocks of the output."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bittrue.hw_configs.load import load_machine
from bittrue.simulator.cost.block_array import BlockCost, Feeds, Memory, best_block
from bittrue.simulator.cost.block_work import Window
from bittrue.simulator.cost.report import step_costs
from bittrue.spec.machine import Machine

SRAM = Memory("sram", bytes_per_kilocycle=8000, burst_bytes=32, latency_cycles=32)
FLASH = Memory("flash", bytes_per_kilocycle=1000, burst_bytes=128, latency_cycles=64)
FEEDS = Feeds(source=SRAM, target=SRAM, weights=FLASH, staging=SRAM, channel_bytes=10)
POINTWISE = Window("sum", 1, 4, 4, 16, 64, 1, 1, 1, 1, 1, 1, 1, 4)


def _machine(**changes: Any) -> Machine:
    machine = load_machine("ethos_u55_128")
    assert machine.array.block is not None
    block = machine.array.block.model_copy(update=changes)
    return machine.model_copy(update={"array": machine.array.model_copy(update={"block": block})})


def _cost(work: Window, output_cycles: int = 0, **changes: Any) -> BlockCost:
    return best_block(work, _machine(**changes), FEEDS, output_cycles)


def test_a_pointwise_convolution_by_hand() -> None:
    """4 x 4 pixels, 64 -> 16 channels on a unit of 1 x 2 x 8 with 32-channel steps of 4 cycles.

    One block 4 x 4 x 16: 8 units high and wide, 4 * 8 = 32 cycles a step, as long as the 8 * 32 bytes of weights
    take at 8 a cycle; 64 / 32 = 2 steps, 16 / 8 = 2 units deep: 32 * 2 * 2. Input 4*4*64 bytes in runs of 32, a
    burst each; output in rows of whole pixels. Weights once, 1024 + 16 * 10 bytes, not staged.
    """
    cost = _cost(POINTWISE)
    assert (cost.height, cost.width, cost.depth) == (4, 4, 16)
    assert cost.array_cycles == 128
    assert cost.input_bytes == 4 * 4 * 64
    assert cost.output_bytes == 4 * 4 * 16  # 16 channels are the whole pixel: rows of 64 bytes
    assert (cost.weight_bytes, cost.staged_bytes) == (1024 + 160, 0)


def test_few_channels_share_a_step_between_taps() -> None:
    """3 channels of 3 x 3 taps: ceil(9 / 4) = 3 steps of 8 channels, not 9 steps of 32."""
    work = replace(POINTWISE, in_depth=3, kernel_height=3, kernel_width=3)
    assert _cost(work).array_cycles == 32 * 3 * 2


def test_flattened_taps_share_steps_and_sums_drain() -> None:
    """3 channels of 9 taps, 16 a step: ceil(27 / 16) = 2 steps instead of 9; 3 cycles of drain for each of 2 depths."""
    work = replace(POINTWISE, in_depth=3, kernel_height=3, kernel_width=3)
    flat: dict[str, Any] = {"step_channels": 16, "tap_channels": 1, "taps_per_step": 1}
    assert _cost(work, **flat).array_cycles == 32 * 9 * 2
    assert _cost(work, **flat, flattens_taps=True).array_cycles == 32 * 2 * 2
    assert _cost(work, **flat, flattens_taps=True, drain_cycles=3).array_cycles == (32 * 2 + 3) * 2


def test_a_depthwise_convolution_takes_four_taps_a_step() -> None:
    """64 channels of 9 taps: 3 steps of 32 cycles for each of 8 units of depth."""
    work = replace(POINTWISE, mode="channel", out_depth=64, kernel_height=3, kernel_width=3)
    assert _cost(work).array_cycles == 32 * 3 * 8


def test_a_single_unit_waits_for_its_sums() -> None:
    """One pixel, 32 -> 8 channels: a step of 32 cycles (weights) and a turn of 2; without the turn 32."""
    work = replace(POINTWISE, out_height=1, out_width=1, in_depth=32, out_depth=8)
    assert (_cost(work).array_cycles, _cost(work, turn_cycles=0).array_cycles) == (34, 32)


def test_weights_that_are_read_again_are_staged() -> None:
    """128 x 128 pixels take several blocks: the weights are written to SRAM once and read once a block."""
    cost = _cost(replace(POINTWISE, out_height=128, out_width=128))
    pieces = -(-128 // cost.height) * -(-128 // cost.width)
    assert pieces > 1
    assert cost.staged_bytes == 1024 * (1 + pieces)
    assert cost.weight_bytes == 1024 + 160 * pieces


def test_halos_are_fetched_again() -> None:
    """8 x 2 pixels of 3 x 3 taps, 32 channels, blocks 4 high: (8 - 2) + 2 * 3 = 12 rows of 2 + 2 pixels."""
    work = replace(POINTWISE, out_height=8, out_width=2, in_depth=32, kernel_height=3, kernel_width=3)
    cost = _cost(work, height_max=4)
    assert cost.height == 4
    assert cost.input_bytes == 12 * 4 * 32


def test_short_runs_waste_bursts() -> None:
    """A block 32 channels deep fills a burst of 32 bytes; with bursts of 128 each run takes four times."""
    long = replace(FEEDS, source=replace(SRAM, burst_bytes=128))
    deep = replace(POINTWISE, in_depth=256)
    assert best_block(deep, _machine(), FEEDS, 0).input_bytes == 4 * 4 * 256
    assert best_block(deep, _machine(), long, 0).input_bytes == 4 * 4 * 256 * 4


def test_wide_operands_and_serial_weights_take_passes() -> None:
    """16-bit inputs double the steps; 8 bits of weight on a 1-bit port share 9-tap steps: ceil(72 / 9) = 8 a pixel."""
    wide = replace(POINTWISE, input_passes=2)
    assert _cost(wide).array_cycles == 2 * _cost(POINTWISE).array_cycles
    serial = replace(POINTWISE, in_depth=16, kernel_height=3, kernel_width=3, weight_passes=8)
    cost = _cost(serial, tap_channels=16, step_channels=16, taps_per_step=9)
    assert cost.array_cycles == 32 * 8 * 2


SIZES = st.integers(1, 80)


@settings(deadline=None, max_examples=60)
@given(
    height=SIZES,
    width=SIZES,
    inputs=SIZES,
    outputs=SIZES,
    kernel=st.sampled_from([1, 3, 5]),
    stride=st.integers(1, 2),
    banks=st.integers(8, 40),
    more=st.integers(0, 40),
    rate=st.integers(1000, 9000),
    mode=st.sampled_from(["sum", "channel", "pool"]),
)
def test_a_larger_block_memory_or_a_faster_memory_never_costs_cycles(
    height: int,
    width: int,
    inputs: int,
    outputs: int,
    kernel: int,
    stride: int,
    banks: int,
    more: int,
    rate: int,
    mode: Any,
) -> None:
    """With the search for the fewest cycles, whatever the layer."""
    depth = inputs if mode != "sum" else outputs
    work = Window(mode, 1, height, width, depth, inputs, kernel, kernel, stride, stride, 1, 1, 1, 4)

    def cycles(banks: int, rate: int) -> int:
        sram = replace(SRAM, bytes_per_kilocycle=rate)
        feeds = replace(FEEDS, source=sram, target=sram, staging=sram)
        cost = best_block(work, _machine(banks=banks, search="fewest_cycles"), feeds, height * width)
        moved = cost.transfers(feeds)
        memory = max(-(-1000 * moved["sram"] // rate), moved["flash"])
        return max(max(cost.array_cycles, height * width) + cost.fill_cycles, memory)

    assert cycles(banks + more, rate) <= cycles(banks, rate)
    assert cycles(banks, rate + 500) <= cycles(banks, rate)


def test_a_softmax_runs_in_passes(calls: Any) -> None:
    """8 rows of 64 with one pass of 2 lane cycles and one of 3 memory bytes: 4 lanes and 8 bytes a cycle.

    512 * 2 / 4 = 256 and 512 * 3 / 8 = 192 cycles, each after 2 * 32 of latency.
    """
    machine = load_machine("ethos_u55_128")
    one = machine.vector_unit.passes["softmax"][1]
    passes = (
        one.model_copy(update={"lane_cycles": 2, "memory_bytes": 0}),
        one.model_copy(update={"lane_cycles": 0, "memory_bytes": 3}),
    )
    unit = machine.vector_unit.model_copy(update={"passes": {"softmax": passes}})
    call = calls.softmax("p", calls.tensor("x", 8, 64))
    (step,) = step_costs([call], machine.model_copy(update={"vector_unit": unit}), external=frozenset())
    assert step.vector_cycles == 64 + 256 + 64 + 192
    assert step.sram_bytes == 512 * 3


def test_products_of_activations_run_a_column_at_a_time(calls: Any) -> None:
    """[4, 32] x [32, 5] where weights must be constant: 640 products of 3/4 cycle, 5 columns of 4/2 units of 4 cycles,
    20 outputs of 2/4 cycle.
    """
    call = calls.matmul("qk", calls.tensor("a", 4, 32), calls.tensor("b", 32, 5))
    (step,) = step_costs([call], load_machine("ethos_u55_128"), external=frozenset())
    assert (step.compute_cycles, step.vector_cycles) == (0, 480 + 5 * 2 * 4 + 10)


@pytest.mark.parametrize("name", ["ethos_u55_128", "ethos_u55_256", "ethos_u65_256", "ethos_u65_512"])
def test_no_block_array_beats_its_multipliers(name: str, calls: Any) -> None:
    """MACs <= cycles * rows * cols."""
    call = calls.linear("fc", calls.tensor("x", 256, 256), 256)
    (step,) = step_costs([call], load_machine(name))
    assert 0 < step.utilisation <= 1
