"""A step whose unit works in parts (groups of channels, heads, tables) is diagnosed like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from op_cases import conv2d_case, group_norm_case, linear_case, matmul_case, table_case
from op_datapaths import IOT_NPU, datapath
from op_parts import Case

from bittrue.golden.diagnosis.diagnose import Diagnosis, diagnose, of_all_parts
from bittrue.golden.diagnosis.explain import Explanation
from bittrue.golden.diagnosis.observed import Made
from bittrue.golden.diagnosis.step import PARTS_MAX, observed_units
from bittrue.simulator.kernels import KERNELS
from bittrue.spec.op import Call
from bittrue.spec.units.section import Width
from bittrue.workflow.unit_rules import run_unchecked

Stages = Mapping[str, np.ndarray]
WRAPS = datapath({"mac.accumulator_bits": 12, "mac.overflow": "wrap"})
FLOORS = datapath({"norm.rounding": "floor"})


def ran(call: Call, case: Case) -> dict[str, np.ndarray]:
    """Stages and output of a step."""
    stages: dict[str, np.ndarray] = {}
    output = KERNELS[call.op.name](call, list(case.operands), stages)
    return {name: np.asarray(array, np.int64) for name, array in {**stages, "output": output}.items()}


def diagnosed(case: Case, made: Stages) -> list[Diagnosis]:
    """Of every part that differs."""
    expected = ran(case.call, case)
    given = {name: Made(array, np.ones(array.shape, np.bool_)) for name, array in made.items()}
    inputs = {spec.name: codes for spec, codes in zip(case.call.inputs, case.operands, strict=True)}
    widths = {name: Width(48, True) for name in expected}
    found = [
        diagnose(each, datapath=case.call.datapath.for_op(view.op), run=run_unchecked, package="", set_name="step")
        for view, each in observed_units(case.call, inputs, expected, given, widths, run_unchecked)
    ]
    return [each for each in found if each is not None]


def mac_rules(found: list[Diagnosis]) -> list[str]:
    parts = [each for each in found if each.unit == "mac"]
    return [each.says for each in of_all_parts(parts) if each.complete]


@pytest.mark.parametrize(
    ("case", "parts"),
    [
        (linear_case(np.random.default_rng(0)), 1),
        (conv2d_case(np.random.default_rng(1), in_channels=6, out_channels=6, groups=6), PARTS_MAX),
        (conv2d_case(np.random.default_rng(2), in_channels=8, out_channels=6, groups=2), 2),
        (matmul_case(np.random.default_rng(3), batch=(1, 3), k=9), 3),
    ],
    ids=["linear", "depthwise", "two groups", "heads"],
)
def test_an_accumulator_is_named_in_every_kind_of_product(case: Case, parts: int) -> None:
    """Twelve bits that wrap: the rule explains all parts together, and no word of the step is out of place."""
    found = diagnosed(case, ran(replace(case.call, datapath=WRAPS), case))
    assert len([each for each in found if each.unit == "mac"]) == parts
    assert "a 12-bit accumulator that wraps" in mac_rules(found)


def test_only_parts_that_differ_are_looked_at() -> None:
    """The fifth of six channels alone is wrong: one diagnosis, of its words."""
    case = conv2d_case(np.random.default_rng(4), in_channels=6, out_channels=6, groups=6)
    made, expected = ran(replace(case.call, datapath=WRAPS), case), ran(case.call, case)
    one = {name: np.where(np.arange(6).reshape(1, 6, 1, 1) == 4, made[name], expected[name]) for name in made}
    (found,) = [each for each in diagnosed(case, one) if each.unit == "mac"]
    assert found.differing == {"output": int((one["accumulator"] != expected["accumulator"]).sum())}
    assert "a 12-bit accumulator that wraps" in mac_rules([found])


@pytest.mark.parametrize("axis", [1, 3])
def test_a_table_a_channel_along_any_axis(axis: int) -> None:
    """Every table read one entry too high."""
    case = table_case(np.random.default_rng(5), axis=axis)
    wrong = {"table": np.roll(case.call.constants["table"], -1, axis=1)}
    found = diagnosed(case, ran(replace(case.call, constants=wrong), case))
    assert len(found) == min(case.call.inputs[0].shape[axis], PARTS_MAX)
    assert any(each.complete for each in of_all_parts(found))


def test_groups_of_a_norm() -> None:
    """Each group with the gammas of its channels; a rounding that floors is named for both."""
    case = group_norm_case(np.random.default_rng(6), groups=2)
    found = diagnosed(case, ran(replace(case.call, datapath=FLOORS), case))
    assert len(found) == 2
    assert "norm.rounding=floor" in [each.rule for each in of_all_parts(found) if each.complete]


def test_a_rule_that_explains_one_part_explains_no_step() -> None:
    """Words of a part that a rule does not explain count against it."""
    case = conv2d_case(np.random.default_rng(7), in_channels=2, out_channels=2, groups=2)
    found = [each for each in diagnosed(case, ran(replace(case.call, datapath=WRAPS), case)) if each.unit == "mac"]
    one, other = found[0], replace(found[1], explanations=())
    assert one.explained
    (joined,) = of_all_parts([replace(one, explanations=one.explanations[:1]), other])
    first = one.explanations[0]
    assert not joined.complete
    assert joined == Explanation(
        first.rule, first.says, first.words, first.of_words + sum(other.words.values()),
        first.mismatches, first.of_mismatches + sum(other.differing.values()),
    )  # fmt: skip
    assert IOT_NPU.mac.accumulator_bits == 32
