"""On-chip traffic: bytes at the SRAM ports and the cycles they take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bittrue.simulator.cost.buffers import OnChipTraffic, buffer_cycles, on_chip_traffic
from bittrue.simulator.cost.sizes import constant_bytes, element_bytes
from bittrue.spec.machine import Machine


def test_codes_take_whole_bytes() -> None:
    """8 bits 1 byte, 9 to 16 bits 2, 17 to 24 bits 3."""
    assert [element_bytes(bits) for bits in (2, 8, 9, 16, 20, 32)] == [1, 1, 2, 2, 3, 4]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 255], 2), ([-128, 127], 2), ([-1, 128], 4), ([0, 65535], 4), ([-(1 << 31), 0], 8), ([1 << 40, 0], 16)],
)
def test_a_constant_takes_the_least_power_of_two_bytes(values: list[int], expected: int) -> None:
    """1, 2, 4 or 8 bytes an element, unsigned where no value is negative."""
    assert constant_bytes(np.array(values)) == expected


@pytest.mark.parametrize(
    ("dataflow", "activations", "weights", "sums"),
    [
        # m 6, k 10, n 7 on 4 x 4; partial sums of 4 bytes; 2*7 + 4 + 1 bytes of other constants.
        ("weight_stationary", 6 * 10 * 2, 10 * 7, 6 * 7 * 4 * (3 - 1)),  # 2 n folds, 3 k folds
        ("output_stationary", 6 * 10 * 2, 10 * 7 * 2, 0),  # 2 n folds, 2 m folds
        ("input_stationary", 6 * 10, 10 * 7 * 2, 6 * 7 * 4 * (3 - 1)),  # 2 m folds, 3 k folds
    ],
)
def test_what_a_product_reads_and_writes(
    dataflow: str, activations: int, weights: int, sums: int, machine: Callable[..., Machine], calls: Any
) -> None:
    """The moving operand is read once a fold of the other, the stationary one once; sums go out between k folds."""
    call = calls.linear("fc", calls.tensor("x", 6, 10), 7)
    traffic = on_chip_traffic(call, call.op.work(call).gemm, machine({"array.dataflow": dataflow}))
    assert traffic == OnChipTraffic(activations, 6 * 7, weights + 19, sums, sums)


def test_partial_sums_are_as_wide_as_the_accumulator(machine: Callable[..., Machine], calls: Any) -> None:
    """A 20-bit accumulator spills 3 bytes where a 32-bit one spills 4."""
    call = calls.linear("fc", calls.tensor("x", 6, 10), 7)
    narrow = call.datapath.model_copy(update={"mac": call.datapath.mac.model_copy(update={"accumulator_bits": 20})})
    wide = on_chip_traffic(call, call.op.work(call).gemm, machine())
    thin = on_chip_traffic(replace(call, datapath=narrow), call.op.work(call).gemm, machine())
    assert (wide.partial_sum_read_bytes, thin.partial_sum_read_bytes) == (6 * 7 * 2 * 4, 6 * 7 * 2 * 3)


def test_both_operands_of_a_matmul_are_activations(machine: Callable[..., Machine], calls: Any) -> None:
    """[2, 3, 4] of 16 bits x [2, 4, 5]: 2 n folds, so a is read twice; 2 passes, so b is too and sums spill once."""
    call = calls.matmul("qk", calls.tensor("a", 2, 3, 4, bits=16), calls.tensor("b", 2, 4, 5))
    traffic = on_chip_traffic(call, call.op.work(call).gemm, machine())
    assert traffic == OnChipTraffic(2 * 12 * 2 * 2 + 2 * 20 * 2, 30, 5, 30 * 4, 30 * 4)


def test_a_step_without_a_product_reads_and_writes_once(machine: Callable[..., Machine], calls: Any) -> None:
    """An add of 30 elements: 60 bytes in, 30 out, 9 bytes of constants."""
    call = calls.add("sum", calls.tensor("a", 5, 6), calls.tensor("b", 5, 6))
    assert on_chip_traffic(call, None, machine()) == OnChipTraffic(60, 30, 9)


@pytest.mark.parametrize(
    ("traffic", "expected"),
    [
        (OnChipTraffic(activation_read_bytes=41, activation_write_bytes=8), 11),  # reads lead: ceil(41 / 4)
        (OnChipTraffic(activation_read_bytes=8, activation_write_bytes=41), 11),  # writes lead
        (OnChipTraffic(activation_read_bytes=8, weight_read_bytes=45), 12),  # weights lead: ceil(45 / 4)
        (OnChipTraffic(partial_sum_read_bytes=999), 0),  # a port a column
    ],
)
def test_the_busiest_port_decides(traffic: OnChipTraffic, expected: int, machine: Callable[..., Machine]) -> None:
    """Ports of 4 bytes a cycle work side by side."""
    assert buffer_cycles(traffic, machine()) == expected
