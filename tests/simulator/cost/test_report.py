"""A step's cycles from its parts, and a program's totals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bittrue.hw_configs.load import load_machine, names
from bittrue.simulator.cost.energy import EnergyPj
from bittrue.simulator.cost.report import CostReport, StepCost, cost, step_costs
from bittrue.spec.machine import Machine
from bittrue.spec.op import Call
from bittrue.spec.ops import OPS
from bittrue.spec.program import Program, Step
from bittrue.spec.tensors import TensorSpec


@pytest.fixture
def network(calls: Any) -> list[Call]:
    """Projection, attention, residual and classifier: a product of each kind, an alias and a copy."""
    stem = calls.linear("stem", calls.tensor("x", 20, 20), 24)
    keys = calls.permute("keys", stem.output)
    scores = calls.matmul("scores", stem.output, keys.output)
    context = calls.matmul("context", scores.output, stem.output)
    total = calls.add("sum", context.output, stem.output)
    flat = calls.reshape("flat", total.output, 1, 480)
    head = calls.linear("head", flat.output, 30)
    return [stem, keys, scores, context, total, flat, head]


def test_a_step_by_hand(machine: Callable[..., Machine], calls: Any) -> None:
    """A linear step, [6, 10] -> 7, on 4 x 4 cells with 1 B/cycle of DRAM.

    Array: 3*2 folds of 8+4+6-2 = 16, less 1. Vector: ceil(42/4). Ports: activations max(120, 42)/4 = 30, weights
    ceil(89/4) = 23. DRAM: 60 + 89 in, 42 out = 191 cycles. Start: 10. SRAM: reads 120+89 and 336 of sums, writes
    42 and 336; 149 arrive, 42 leave.
    """
    call = calls.linear("fc", calls.tensor("x", 6, 10), 7)
    (step,) = step_costs([call], machine())
    assert (step.compute_cycles, step.vector_cycles, step.buffer_cycles, step.memory_cycles) == (95, 11, 30, 191)
    assert (step.start_cycles, step.cycles, step.bound) == (10, 201, "memory")
    assert step.utilisation == 420 / (201 * 16)
    assert (step.sram_bytes, step.dram_bytes, step.flash_bytes) == (209 + 336 + 42 + 336 + 149 + 42, 191, 0)
    assert step.energy_pj.leakage == 4.0 * 201 / 100 * 1000


@pytest.mark.parametrize(
    ("changes", "cycles", "bound"),
    [
        ({}, 201, "memory"),
        ({"dram.bandwidth_mb_per_s": 400, "dram.latency_cycles": 0}, 95, "compute"),
        (
            {"dram.bandwidth_mb_per_s": 400, "dram.latency_cycles": 0, "buffers.activation_bytes_per_cycle": 1},
            120,
            "buffer",
        ),
        # 42 requantizations of 3 cycles on one lane
        (
            {
                "dram.bandwidth_mb_per_s": 400,
                "dram.latency_cycles": 0,
                "vector_unit.lanes": 1,
                "vector_unit.cycles_per_element.requantize": 3,
            },
            126,
            "vector",
        ),
        # without overlap the 11 vector cycles come after the 95 of the array
        (
            {"dram.bandwidth_mb_per_s": 400, "dram.latency_cycles": 0, "vector_unit.overlaps_array": False},
            106,
            "compute",
        ),
    ],
)
def test_the_slowest_part_decides(
    changes: dict[str, Any], cycles: int, bound: str, machine: Callable[..., Machine], calls: Any
) -> None:
    """Cycles = start + max(units, buffer, memory); the bound names the part."""
    (step,) = step_costs([calls.linear("fc", calls.tensor("x", 6, 10), 7)], machine(changes))
    assert (step.cycles, step.bound) == (cycles, bound)


def test_a_reshape_costs_nothing(network: list[Call], machine: Callable[..., Machine]) -> None:
    """A step without work has a row of zeros."""
    flat = step_costs(network, machine())[5]
    assert flat == StepCost("flat", "reshape", 0, 0, 0, 0, 0, 0, 0, "none", 0.0, 0, 0, 0, EnergyPj())


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("vector_unit.lanes", [1, 3, 4, 64]),
        ("buffers.activation_kib", [1, 2, 3, 64]),
        ("buffers.weight_kib", [1, 2, 12, 64]),
        ("buffers.activation_bytes_per_cycle", [1, 3, 4, 64]),
        ("buffers.weight_bytes_per_cycle", [1, 3, 4, 64]),
        ("dma.bytes_per_cycle", [1, 3, 4, 64]),
        ("dram.bandwidth_mb_per_s", [10, 37, 100, 5000]),
        ("dram.outstanding_bursts", [1, 2, 3, 64]),
        ("flash.bandwidth_mb_per_s", [10, 37, 100, 5000]),
    ],
)
@pytest.mark.parametrize("weights_in", ["dram", "flash"])
@pytest.mark.parametrize("slow", ["dram.bandwidth_mb_per_s", "vector_unit.lanes"])
def test_more_of_anything_never_costs_cycles(
    key: str, values: list[int], weights_in: str, slow: str, network: list[Call], machine: Callable[..., Machine]
) -> None:
    """The total does not grow with lanes, bandwidth or buffers, whatever else limits the machine."""
    totals = [
        sum(step.cycles for step in step_costs(network, machine({slow: 1, "weights_in": weights_in, key: value})))
        for value in values
    ]
    assert totals == sorted(totals, reverse=True)


FAST_DRAM = {"dram.bandwidth_mb_per_s": 800, "dram.outstanding_bursts": 64}


@pytest.mark.parametrize(
    ("key", "others"),
    [
        ("vector_unit.lanes", FAST_DRAM),
        ("buffers.activation_kib", {}),
        ("buffers.activation_bytes_per_cycle", FAST_DRAM),
        ("dma.bytes_per_cycle", FAST_DRAM),
        ("dram.bandwidth_mb_per_s", {"dram.outstanding_bursts": 64}),
    ],
)
def test_each_resource_matters_somewhere(
    key: str, others: dict[str, int], network: list[Call], machine: Callable[..., Machine]
) -> None:
    """With 1 of it the network is slower than with much, so the test above is not empty."""
    little, much = (
        sum(s.cycles for s in step_costs(network, machine({**others, key: value}))) for value in (1, 10_000)
    )
    assert little > much


def test_a_program_adds_up(machine: Callable[..., Machine], calls: Any) -> None:
    """On image -> table -> linear, totals are sums of rows; ms = cycles / MHz / 1000; uJ = pJ / 10**6."""
    image = TensorSpec("image", (1, 1, 2, 10), 8, False, (1.0,), (0,))
    codes, logits = calls.tensor("codes", 1, 1, 2, 10), calls.tensor("logits", 1, 1, 2, 7)
    constants = {f"logits/{role}": array for role, array in calls.linear("l", codes, 7).constants.items()}
    constants["codes/table"] = np.arange(-128, 128)[None]
    steps = (Step("codes", OPS["table"]("quantize"), ("image",)), Step("logits", OPS["linear"](7), ("codes",)))
    tensors = {spec.name: spec for spec in (image, codes, logits)}
    program = Program("model", calls.datapath, tensors, steps, constants, ("image",), "logits", {})
    report = cost(program, machine())
    assert isinstance(report, CostReport)
    assert [step.step for step in report.steps] == ["codes", "logits"]
    assert (report.model, report.program_digest, report.datapath) == ("model", program.digest, "iot_npu")
    assert report.macs == 2 * 7 * 10
    assert report.cycles == sum(step.cycles for step in report.steps)
    assert report.latency_ms == report.cycles / 100 / 1000
    assert report.energy_uj == pytest.approx(sum(step.energy_pj.total for step in report.steps) / 1e6)
    assert report.utilisation == 140 / (report.cycles * 16)
    # The image comes from DRAM, the logits go there, the codes stay: 20 + 256 of table, 89 of constants + 14.
    assert [step.dram_bytes for step in report.steps] == [276, 103]


@pytest.mark.parametrize("name", names("machines"))
def test_packaged_machines_cost_the_network(name: str, network: list[Call]) -> None:
    """Every machine in the box gives every working step cycles, energy and a possible utilisation."""
    for step in step_costs(network, load_machine(name)):
        if step.bound != "none":
            assert step.cycles > 0
            assert step.energy_pj.total > 0
            assert 0 <= step.utilisation <= 1
