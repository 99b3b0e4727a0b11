"""Mechanisms that a machine may have: each by hand on the tiny machine, and that it never costs cycles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bittrue.simulator.cost.area import area
from bittrue.simulator.cost.array import array_cycles
from bittrue.simulator.cost.buffers import OnChipTraffic, buffer_cycles
from bittrue.simulator.cost.energy import step_energy
from bittrue.simulator.cost.report import step_costs
from bittrue.simulator.cost.sizes import Operands, constant_bytes, operands, tensor_bytes
from bittrue.simulator.cost.systolic_step import systolic_parts
from bittrue.spec.machine import Machine
from bittrue.spec.op import Gemm


def test_a_depthwise_mode_works_on_channels_side_by_side(machine: Callable[..., Machine]) -> None:
    """24 channels of 9 taps on 4 x 4, 4 at a time: 6 * (3 folds * (4 + 4 + 4 + 100 - 2) - 1) instead of 24 times it."""
    gemm, int8 = Gemm(batch=24, m=100, n=1, k=9), Operands(8, 8, True)
    one = 3 * 110 - 1
    assert array_cycles(gemm, int8, machine().array) == 24 * one
    assert array_cycles(gemm, int8, machine({"array.depthwise_channels": 4}).array) == 6 * one
    assert array_cycles(Gemm(24, 100, 2, 9), int8, machine({"array.depthwise_channels": 4}).array) == 24 * one


@pytest.mark.parametrize(("first", "second", "k"), [(8, 8, 40), (8, 4, 40), (4, 4, 20), (2, 2, 10), (3, 2, 20)])
def test_narrow_operands_pack_where_the_machine_says(
    first: int, second: int, k: int, machine: Callable[..., Machine]
) -> None:
    """On 8-bit ports min(floor(8 / a), floor(8 / b)) products along k = 40 at once; a machine that does not pack
    multiplies them one by one."""
    packed, plain = machine({"array.packs": True}).array, machine().array
    widths = Operands(first, second, True)
    assert array_cycles(Gemm(1, 5, 6, 40), widths, packed) == array_cycles(Gemm(1, 5, 6, k), widths, plain)
    assert array_cycles(Gemm(1, 5, 6, 40), widths, packed) <= array_cycles(Gemm(1, 5, 6, 40), widths, plain)


def test_a_serial_weight_port_takes_a_pass_a_bit(machine: Callable[..., Machine]) -> None:
    """8 x 4 bits on ports of 8 and 1 bits: 4 passes."""
    assert Operands(8, 4, True).passes(machine({"array.second_operand_bits": 1}).array) == 4


def test_a_weight_is_as_wide_as_its_values(calls: Any) -> None:
    """A layer of 4-bit weights on an 8-bit datapath multiplies 4 bits: -8..7 fits, -100 needs 8."""
    call = calls.linear("fc", calls.tensor("x", 6, 10), 7)
    narrow = replace(call, constants={**call.constants, "weight": np.full((7, 10), -8)})
    assert (operands(call).second_bits, operands(narrow).second_bits) == (8, 4)


def test_codes_lie_packed_where_the_machine_says(calls: Any) -> None:
    """30 codes of 4 bits: 30 bytes, packed 15; 70 weights of 4 bits: 70 bytes, packed 35; a bias keeps its 4 bytes."""
    tensor = calls.tensor("x", 5, 6, bits=4)
    assert (tensor_bytes(tensor), tensor_bytes(tensor, True)) == (30, 15)
    weights = np.full(70, -8)
    assert (constant_bytes(weights), constant_bytes(weights, True)) == (70, 35)
    assert constant_bytes(np.array([1 << 30]), True) == 4


@pytest.mark.parametrize(("banks", "expected"), [(1, 15), (2, 13), (4, 12), (8, 11)])
def test_reads_and_writes_meet_in_banks_of_one_port(banks: int, expected: int, machine: Callable[..., Machine]) -> None:
    """40 bytes read, 20 written, 4 a cycle: (40 + 20 / banks) / 4, rounded up; more banks never cost cycles."""
    traffic = OnChipTraffic(activation_read_bytes=40, activation_write_bytes=20)
    single = {"buffers.ports": "single", "buffers.banks": banks}
    assert buffer_cycles(traffic, machine(single)) == expected
    assert buffer_cycles(traffic, machine()) == 10


def test_a_shared_port_carries_everything(machine: Callable[..., Machine]) -> None:
    """40 bytes read, 20 written, 20 of weights at 4 a cycle: 20 cycles; with ports of their own 10."""
    traffic = OnChipTraffic(activation_read_bytes=40, activation_write_bytes=20, weight_read_bytes=20)
    assert buffer_cycles(traffic, machine({"buffers.shared_port": True})) == 20
    assert buffer_cycles(traffic, machine()) == 10


def test_without_double_buffers_the_units_wait(machine: Callable[..., Machine], calls: Any) -> None:
    """Test_report's step of 95 cycles of units, 30 of ports and 191 of memory after 10: 10 + 95 + 191 instead of
    10 + 191. The units stand still for all but 95 of them."""
    call = calls.linear("fc", calls.tensor("x", 6, 10), 7)
    (apart,) = step_costs([call], machine({"dma.double_buffers": False}))
    (beside,) = step_costs([call], machine())
    assert (apart.cycles, beside.cycles) == (296, 201)
    assert (apart.stall_cycles, beside.stall_cycles) == (201, 106)


def test_every_step_is_set_up(machine: Callable[..., Machine], calls: Any) -> None:
    """40 cycles before the step: 241 instead of 201."""
    call = calls.linear("fc", calls.tensor("x", 6, 10), 7)
    assert step_costs([call], machine({"step_start_cycles": 40}))[0].cycles == 241


def test_a_fused_chain_keeps_its_middle_out_of_memory(machine: Callable[..., Machine], calls: Any) -> None:
    """fc [6, 10] -> 7, then a table of its 42 codes: fused, 42 bytes are neither written nor read.

    DRAM at 4 bytes a cycle without latency. Apart: 95 of the array and 75 for 256 + 42 bytes; in a chain the 38 cycles
    of the first one's 149 bytes and those 75 run beside the array: 113.
    """
    fast = {"dram.bandwidth_mb_per_s": 400, "dram.latency_cycles": 0}
    first = calls.linear("fc", calls.tensor("x", 6, 10), 7)
    second = calls.table("act", first.output)
    apart, together = (step_costs([first, second], machine({**fast, "fuses": fuses})) for fuses in (False, True))
    assert sum(step.cycles for step in apart) == 95 + 75
    assert sum(step.cycles for step in together) == 113
    assert apart[0].sram_bytes - together[0].sram_bytes == 42
    assert apart[1].sram_bytes - together[1].sram_bytes == 42
    assert [step.held_bytes for step in apart] == [42, 42]
    assert [step.held_bytes for step in together] == [0, 0]


def test_a_tensor_with_two_readers_is_not_fused_away(machine: Callable[..., Machine], calls: Any) -> None:
    """The table's input is also added later, so it exists."""
    first = calls.linear("fc", calls.tensor("x", 6, 10), 7)
    table = calls.table("act", first.output)
    total = calls.add("sum", first.output, table.output)
    fused = step_costs([first, table, total], machine({"fuses": True}))
    assert fused[0].sram_bytes == step_costs([first, table, total], machine())[0].sram_bytes


def test_energy_of_narrow_weights(machine: Callable[..., Machine], calls: Any) -> None:
    """420 products of 8 x 4 bits at 0.5 pJ * 32 / 64."""
    call = calls.linear("fc", calls.tensor("x", 6, 10), 7)
    narrow = replace(call, constants={**call.constants, "weight": np.full((7, 10), -8)})
    work = narrow.op.work(narrow)
    parts = systolic_parts(narrow, work, frozenset(), frozenset(), machine())
    assert step_energy(narrow, work.gemm, parts, 0, machine()).mac == 420 * 0.25


def test_area_by_hand(machine: Callable[..., Machine]) -> None:
    """16 cells of 8 x 8 bits: 16 * 282 um2; sums of 20 bits: 16 * (137 / 32 * 20 + 4.522 * 36); 4 lanes, one divider;
    2 KiB of 8 * 0.692 um2 a byte. A wider accumulator only adds."""
    parts = area(machine(), 20)
    assert parts.multipliers_um2 == 16 * 282
    assert parts.accumulators_um2 == pytest.approx(16 * (137 / 32 * 20 + 4.522 * 36))
    assert parts.lanes_um2 == pytest.approx(4 * (3495 + 274) + 124 * (137 / 32 + 4.522))
    assert parts.buffers_um2 == pytest.approx(2048 * 8 * 0.692)
    assert area(machine(), 32).total_mm2 > parts.total_mm2
