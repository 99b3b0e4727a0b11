"""Energy by event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bittrue.simulator.cost.buffers import OnChipTraffic
from bittrue.simulator.cost.energy import EnergyPj, step_energy
from bittrue.simulator.cost.memory import ExternalTraffic
from bittrue.simulator.cost.parts import StepParts
from bittrue.spec.machine import Machine
from bittrue.spec.op import Call, Gemm

IDLE = StepParts(0, 0, 0, OnChipTraffic(), ExternalTraffic(), {})


def _with_accumulator(call: Call, bits: int) -> Call:
    mac = call.datapath.mac.model_copy(update={"accumulator_bits": bits})
    return replace(call, datapath=call.datapath.model_copy(update={"mac": mac}))


def test_every_event_by_hand(machine: Callable[..., Machine], calls: Any) -> None:
    """Prices of the tiny machine times counts.

    420 MACs: products 0.5 pJ, 32-bit additions 32 * 0.25 pJ. 6 + 4 vector ops of 5 pJ. SRAM: 10 + 3 (leaving)
    read at 2 pJ, 20 + 7 + 11 (arriving) written at 3 pJ. DRAM 10 B at 100, flash 11 B at 200. 50 cycles at
    100 MHz of 4 mW = 2 nJ.
    """
    call = calls.linear("fc", calls.tensor("x", 6, 10), 7)
    energy = step_energy(
        call,
        Gemm(1, 6, 7, 10),
        StepParts(
            array_cycles=40,
            vector_cycles=9,
            start_cycles=0,
            on_chip=OnChipTraffic(activation_read_bytes=6, weight_read_bytes=4, activation_write_bytes=20),
            external=ExternalTraffic(dram_read_bytes=7, dram_write_bytes=3, flash_read_bytes=11),
            vector={"requantize": 6, "add": 4},
        ),
        50,
        machine(),
    )
    expected = EnergyPj(mac=210, accumulate=3360, vector=50, sram=13 * 2 + 38 * 3, dram=1000, flash=2200, leakage=2000)
    assert energy == expected
    assert energy.total == 210 + 3360 + 50 + 140 + 1000 + 2200 + 2000
    assert (energy + energy).sram == 280


@pytest.mark.parametrize("bits", [8, 20, 32, 48])
def test_the_accumulator_pays_for_each_bit(bits: int, machine: Callable[..., Machine], calls: Any) -> None:
    """420 additions of `bits` bits at 0.25 pJ."""
    call = _with_accumulator(calls.linear("fc", calls.tensor("x", 6, 10), 7), bits)
    energy = step_energy(call, Gemm(1, 6, 7, 10), IDLE, 0, machine())
    assert energy.accumulate == 420 * bits * 0.25


def test_wide_operands_cost_their_product_of_widths(machine: Callable[..., Machine], calls: Any) -> None:
    """16 x 8 bits: twice the product energy, and two passes add into the accumulator twice."""
    narrow = calls.matmul("p", calls.tensor("a", 3, 4), calls.tensor("b", 4, 5))
    wide = calls.matmul("p", calls.tensor("a", 3, 4, bits=16), calls.tensor("b", 4, 5))
    one, two = (step_energy(call, Gemm(1, 3, 5, 4), IDLE, 0, machine()) for call in (narrow, wide))
    assert (one.mac, two.mac) == (60 * 0.5, 60 * 0.5 * 2)
    assert (one.accumulate, two.accumulate) == (60 * 8.0, 60 * 2 * 8.0)
