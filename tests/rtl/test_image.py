"""A Program's steps on the designs give the simulator's tensors, and what no design serves is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from op_cases import add_case, concat_case, conv2d_case, linear_case, matmul_case, mean_case, table_case
from op_parts import Case
from rtl.image import play
from rtl.image_ops import MOVES, ON_UNITS
from rtl.image_table import Line
from rtl.machine import Machine
from small_models import pictures, small_plan
from tiny_programs import iot_npu

from bittrue.simulator.kernels import KERNELS
from bittrue.spec.op import Call
from bittrue.workflow.lower import lower

CASES: dict[str, Callable[[np.random.Generator], Case]] = {
    "strided": lambda rng: conv2d_case(rng),
    "grouped": lambda rng: conv2d_case(rng, in_channels=4, out_channels=6, groups=2),
    "depthwise": lambda rng: conv2d_case(rng, in_channels=7, out_channels=7, groups=7, stride=(1, 2)),
    "pointwise": lambda rng: conv2d_case(
        rng, kernel=(1, 1), padding=(0, 0), in_channels=20, out_channels=9, channels=True
    ),
    "linear": lambda rng: linear_case(rng),
    "matmul": lambda rng: matmul_case(rng),
    "mean": lambda rng: mean_case(rng),
    "concat": lambda rng: concat_case(rng),
    "add": lambda rng: add_case(rng),
    "table": lambda rng: table_case(rng),
    "tables of channels": lambda rng: table_case(rng, axis=1),
}


@pytest.fixture(scope="module")
def machine() -> Machine:
    """The designs of iot_npu; few columns build fast."""
    return Machine(iot_npu(), columns=5)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_op_on_the_designs_is_the_op(machine: Machine, case: Callable[[np.random.Generator], Case]) -> None:
    """Addresses, padding, groups, zero points and constants a channel reach the designs as the contract says."""
    for seed in range(5):
        made = case(np.random.default_rng(seed))
        if made.call.op.name in ("matmul", "mean"):  # the array's zero points are codes
            made = replace(made, call=_narrow(made))
        run, _ = ON_UNITS[made.call.op.name]
        with machine.step() as busy:
            found = run(machine, made.call, made.operands)
        np.testing.assert_array_equal(found, KERNELS[made.call.op.name](made.call, made.operands))
        assert all(busy.run_cycles.values())


def _narrow(case: Case) -> Call:
    inputs = tuple(replace(spec, zero_point=(spec.zero_point[0] % 100,)) for spec in case.call.inputs)
    return replace(case.call, inputs=inputs)


@pytest.fixture(scope="module")
def lines(machine: Machine) -> list[Line]:
    """A small hybrid network, one picture, step by step."""
    return list(play(lower(small_plan()), pictures(1), machine))


def test_a_whole_network_on_the_designs_is_the_simulator(lines: list[Line]) -> None:
    """Convolutions, attention, residuals and head: every tensor is equal, each step made from the designs' own."""
    assert [line.step.name for line in lines if line.mismatches] == []
    assert {line.step.op.name for line in lines} >= {"conv2d", "linear", "matmul", "add", "table", "mean"}
    assert all(line.busy.run_cycles for line in lines if "mac" in line.ran_on)


def test_a_fault_in_a_design_is_found() -> None:
    """With a planted fault the first step that meets it differs, and everything in front of it is equal."""
    faulty = Machine(iot_npu(), columns=5, faults={"requantize": 1})
    lines = list(play(lower(small_plan()), pictures(1), faulty))
    first = next(line for line in lines if line.mismatches)
    assert "requantize" in first.ran_on
    assert first == next(line for line in lines if "requantize" in line.ran_on)


def test_what_no_design_serves_is_named(lines: list[Line], machine: Machine) -> None:
    """A step counts as run on designs only if every unit that it needs has one."""
    for line in lines:
        op = line.step.op.name
        served = op in ON_UNITS and all(unit in machine.units for unit in ON_UNITS[op][1])
        assert (line.ran_on == "simulator") == (not served and op not in MOVES)
