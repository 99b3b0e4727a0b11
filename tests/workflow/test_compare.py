"""compare: nothing is equal by accident; one flipped bit anywhere is found and named."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from small_models import pictures, small_plan
from tiny_programs import iot_npu

from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.plan import QuantPlan
from bittrue.simulator.engine import Simulator
from bittrue.simulator.plan import compiler
from bittrue.simulator.plan.binders import BINDERS
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.layout import share_view
from bittrue.spec.errors import BadInput
from bittrue.spec.op import Call
from bittrue.spec.program import Program
from bittrue.spec.trace import Trace
from bittrue.workflow import compare
from bittrue.workflow import compare as compare_verb
from bittrue.workflow.compare import load_comparison


@pytest.fixture(scope="module")
def plan() -> QuantPlan:
    return small_plan()


@pytest.fixture(scope="module")
def program(plan: QuantPlan) -> Program:
    return lower_plan(plan, iot_npu(), {"plan_sha256": plan.digest()})


@pytest.fixture
def images(tmp_path: Path) -> Path:
    np.save(tmp_path / "images.npy", pictures(2, seed=5))
    return tmp_path / "images.npy"


def test_simulator_and_reference_are_equal_with_every_stage(
    program: Program, plan: QuantPlan, images: Path, tmp_path: Path
) -> None:
    """Every tensor of every step, every stage, and the float side measured."""
    found = compare(program, images=images, plan=plan, stages=True, out=tmp_path / "c.json")
    assert found.verdict.agreed
    assert found.verdict.tensors_compared == 2 * len(program.tensors)
    assert found.verdict.elements_compared > 2 * sum(spec.size for spec in program.tensors.values())
    assert found.top1 is not None and found.top1.images == 2 and found.top1.labelled == 0
    assert {row.tensor for row in found.tensors} == {step.name for step in program.steps}
    again = load_comparison(tmp_path / "c.json")
    assert dataclasses.replace(again, verdict=found.verdict) == found


@pytest.mark.parametrize(
    "op",
    sorted(
        {"table", "conv2d", "linear", "matmul", "softmax", "layer_norm", "add", "mean", "permute", "slice", "reshape"}
    ),
)
def test_a_bit_flipped_by_any_fast_path_is_found(
    op: str, program: Program, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict names the step and the coordinate where it went wrong; with stages the plain kernel objects."""
    target = next(step for step in program.steps if step.op.name == op)
    honest: Any = BINDERS.get(op, compiler._plain)

    def lying(builder: Builder, call: Call, *table: Call | None) -> Callable[[], object] | None:
        bound: Callable[[], object] | None = honest(builder, call, *table)
        if bound is None or call.step != target.name:
            return bound
        place = builder.places[call.output.name]
        index = place.view.offsets()[call.output.size // 2]

        def run() -> None:
            bound()
            place.data[index] ^= 1

        return run

    if op in BINDERS:
        monkeypatch.setitem(BINDERS, op, lying)
    else:  # a view moves nothing and cannot go wrong; a step that moves its elements can
        moved = lambda builder, call: call.op.name != op and share_view(builder, call)  # noqa: E731
        monkeypatch.setattr(compiler, "share_view", moved)
        monkeypatch.setattr(compiler, "_plain", lying)
    with pytest.raises(RuntimeError, match=f"^{re.escape(target.name)}: "):
        compare(program, images=images, stages=True)
    verdict = compare(program, images=images).verdict
    assert not verdict.agreed
    assert verdict.first is not None
    assert verdict.first.tensor == target.name
    shape = program.tensors[target.name].shape
    assert verdict.first.coordinate == tuple(int(i) for i in np.unravel_index(int(np.prod(shape)) // 2, shape))


FLIPS: dict[str, int] = {
    "weight": 6,
    "bias": 13,
    "multiplier": 29,
    "shift": 1,
    "table": 5,
    "multiplier_a": 29,
    "multiplier_b": 29,
    "epsilon": 18,
}
"""Role -> bit of its first element that is large enough to move an output."""


def constants_of(program: Program) -> list[str]:
    """One constant of every op and role."""
    found: dict[tuple[str, str], str] = {}
    for step in program.steps:
        for role in step.op.roles:
            found.setdefault((step.op.name, role), f"{step.name}/{role}")
    return sorted(found.values())


def test_a_bit_flipped_in_any_constant_is_found(
    program: Program, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For every op and role: the simulator reads one wrong bit of a constant, the comparison differs at that step."""
    for key in constants_of(program):
        name, _, role = key.rpartition("/")
        step = program.step(name)
        array = np.array(program.constants[key]).astype(np.int64)
        if role == "table":
            array ^= 1 << FLIPS[role]  # which entries the data read is not known here: one bit of each
        else:
            bit = (
                14
                if step.op.name == "layer_norm" and role == "multiplier"
                else 45
                if step.op.name == "layer_norm" and role == "bias"
                else FLIPS[role]
            )
            array.flat[0] ^= 1 << bit
        tampered = dataclasses.replace(program, constants={**program.constants, key: array})
        with monkeypatch.context() as patch:
            patch.setattr(Simulator, "run", _running(tampered, program))
            verdict = compare(program, images=images).verdict
        assert not verdict.agreed, key
        assert verdict.first is not None and verdict.first.tensor == name, key


def _running(tampered: Program, honest: Program) -> Callable[..., Trace]:
    """What `Simulator.run` does with a tampered program, unchecked, while it claims to have run the honest one."""
    run = Simulator.run

    def lying(self: Simulator, image: np.ndarray, *, keep: Literal["output", "tensors", "stages"] = "tensors") -> Trace:
        machine = copy.copy(self)
        machine.program = tampered
        return dataclasses.replace(run(machine, image, keep=keep), program_digest=honest.digest)

    return lying


def test_a_bit_flipped_in_any_tensor_of_the_trace_is_found(
    program: Program, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For every tensor: its last element differs in one bit, and exactly that is reported."""
    honest = Simulator(program).run(pictures(2, seed=5)[:1])
    for name, array in honest.tensors.items():
        changed = np.array(array)
        changed.flat[-1] ^= 1
        trace = dataclasses.replace(honest, tensors={**honest.tensors, name: changed})
        monkeypatch.setattr(Simulator, "run", lambda self, image, keep="tensors", trace=trace: trace)
        verdict = compare(program, images=images, limit=1).verdict
        assert (verdict.mismatches, verdict.first and verdict.first.tensor) == (1, name)


def test_a_plan_of_another_program_is_refused(program: Program, images: Path) -> None:
    """Float values of another network say nothing."""
    other = dataclasses.replace(small_plan(), provenance={})
    other = dataclasses.replace(other, preprocessing=dataclasses.replace(other.preprocessing, crop_pct=0.5))
    with pytest.raises(BadInput, match="not lowered from this plan"):
        compare(program, images=images, plan=other)


def test_workflow_names_are_functions() -> None:
    """`workflow.compare` is the verb, whatever was imported before."""
    import bittrue.workflow.compare  # noqa: F401
    from bittrue import workflow

    assert all(callable(getattr(workflow, name)) for name in workflow.__all__)
    assert compare_verb is workflow.compare


@pytest.mark.parametrize("text", ["", "{}", '{"bittrue": "comparison", "format_version": 2}', '{"bittrue": "program"}'])
def test_what_is_no_comparison_is_refused(text: str, tmp_path: Path) -> None:
    """Missing, foreign and damaged files."""
    path = tmp_path / "c.json"
    if text:
        path.write_text(text)
    with pytest.raises(BadInput, match="comparison"):
        load_comparison(path)
