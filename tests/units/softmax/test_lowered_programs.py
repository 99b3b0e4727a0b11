"""Whole programs with each softmax unit: lowered from a plan, run, and near the float model."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from op_datapaths import datapath
from small_models import pictures, small_plan
from softmax_units import SECTIONS

from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.lowering.softmax.scale import with_logits_scale
from bittrue.calibration.plan import QuantPlan, TensorPlan
from bittrue.simulator.engine import Simulator
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported
from bittrue.spec.program import Program


@cache
def plan() -> QuantPlan:
    """Of the small model, whose attention has rows of 64."""
    return small_plan()


def path_of(kind: str, **changes: object) -> Datapath:
    """The default datapath with another softmax."""
    return datapath({"softmax": {**SECTIONS[kind], **changes}, "mac.accumulator_bits": 40})


def step_of(program: Program, op: str) -> str:
    """The first step of an op."""
    return next(step.name for step in program.steps if step.op.name == op)


@pytest.mark.parametrize("kind", SECTIONS)
def test_a_lowered_program_runs_and_follows_the_float_model(kind: str) -> None:
    """12 dB above the noise or better (I-ViT floors to 1/128: 9); the output has the unit's format."""
    program = lower_plan(plan(), path_of(kind), {})
    softmax = step_of(program, "softmax")
    form = program.datapath.softmax.output(64)  # type: ignore[union-attr]
    spec = program.tensors[softmax]
    assert (spec.bits, spec.signed, spec.zero_point) == (form.bits, form.signed, (form.zero_point,))
    assert spec.scale == (float(form.scale),)
    runner, engine = FloatRunner(plan().graph), Simulator(program)
    signal = noise = 0.0
    for image in pictures(3, seed=9):
        x = runner.logits(image[None]).astype(np.float64).ravel()
        codes = engine.run(image[None]).tensors[program.output]
        y = program.tensors[program.output].dequantize(codes).ravel()
        signal, noise = signal + float((x**2).sum()), noise + float(((x - y) ** 2).sum())
    assert 10 * np.log10(signal / noise) > (9 if kind == "ivit" else 12)


def test_unnormalised_exponentials_are_divided_by_their_reader() -> None:
    """Lowering sets the attribute on the matmul that reads the softmax, and on no other."""
    program = lower_plan(plan(), path_of("unnormalised"), {})
    softmax = step_of(program, "softmax")
    for step in program.steps:
        if step.op.name == "matmul":
            assert step.op.divide_by_row_sum == (step.inputs[0] == softmax)  # type: ignore[attr-defined]
    divided = lower_plan(plan(), path_of("table"), {})
    assert not any(getattr(step.op, "divide_by_row_sum", False) for step in divided.steps)


def test_logits_get_the_scale_that_ita_demands() -> None:
    """ln 2; the range keeps its top, so that the largest logit does not saturate, and the change is listed."""
    program = lower_plan(plan(), path_of("ita"), {})
    logits = program.step(step_of(program, "softmax")).inputs[0]
    assert program.tensors[logits].scale == (float(np.log(2)),)
    assert logits in program.provenance["scales_changed"]
    before, after = plan().tensors[logits], with_logits_scale(plan(), path_of("ita")).tensors[logits]
    zero = after.zero_point[0]
    assert (127 - zero) * after.scale[0] >= before.high[0] > (126 - zero) * after.scale[0]
    for rule, wanted in (("none", {0}), ("clamped", set(range(-128, 128)))):
        held = datapath({"softmax": SECTIONS["ita"], "tensors": {"zero_points": rule}})
        assert with_logits_scale(plan(), held).tensors[logits].zero_point[0] in wanted
    assert with_logits_scale(plan(), path_of("table")) is plan()


def test_logits_that_something_else_reads_too_are_refused() -> None:
    """Another reader of the logits would lose its scale."""
    graph = plan().graph
    scores = next(node for node in graph.nodes if node.kind == "softmax").inputs[0]
    last = graph.nodes[-1]
    reader = replace(
        graph.by_name[scores], name="reader", kind="function", inputs=(scores,), attributes={"function": "relu"}
    )
    shared = replace(plan(), graph=replace(graph, nodes=(*graph.nodes[:-1], reader, last)))
    with pytest.raises(Unsupported, match="fixes the scale"):
        with_logits_scale(shared, path_of("ita"))


def test_one_part_of_a_projection_gets_the_scale_alone() -> None:
    """Channels whose slice the softmax reads change, their neighbours stay; one scale for all is refused."""
    graph = plan().graph
    softmax = next(node for node in graph.nodes if node.kind == "softmax")
    source = graph.source(softmax.inputs[0])
    shape = (1, 6, 2, 5)
    made = replace(graph.by_name[source], name="made", kind="conv2d", inputs=(graph.input,), shape=shape)
    part = replace(
        made,
        name="part",
        kind="slice",
        inputs=("made",),
        shape=(1, 1, 2, 5),
        attributes={"axis": 1, "start": 0, "stop": 1},
    )
    rest = replace(part, name="rest", shape=(1, 5, 2, 5), attributes={"axis": 1, "start": 1, "stop": 6})
    readers = (
        replace(softmax, name="weights", inputs=("part",), shape=part.shape),
        replace(softmax, name="relu", kind="function", inputs=("rest",), shape=rest.shape),
    )
    held = TensorPlan(8, (0.1,) * 6, (3,) * 6, 1, "asymmetric", (-9.0,) * 6, (8.0,) * 6)
    built = replace(plan(), graph=replace(graph, nodes=(made, part, rest, *readers)), tensors={"made": held})
    changed = with_logits_scale(built, path_of("ita")).tensors["made"]
    assert changed.scale == (float(np.log(2)), *(0.1,) * 5)
    assert changed.zero_point == (127 - 12, *(3,) * 5)  # 8 / ln 2 = 11.54 -> 12 codes
    single = replace(held, scale=(0.1,), zero_point=(3,), axis=None, low=(-9.0,), high=(8.0,))
    with pytest.raises(Unsupported, match="fixes the scale"):
        with_logits_scale(replace(built, tensors={"made": single}), path_of("ita"))


def test_a_reader_that_cannot_divide_is_refused() -> None:
    """Exponentials read by anything but a matmul's first or a weighted_sum's second operand."""
    graph = plan().graph
    softmax = next(node for node in graph.nodes if node.kind == "softmax")
    reader = next(node for node in graph.nodes if softmax.name in node.inputs)
    swapped = replace(reader, inputs=(reader.inputs[1], softmax.name))
    nodes = tuple(swapped if node is reader else node for node in graph.nodes)
    with pytest.raises(Unsupported, match="this reader cannot"):
        lower_plan(replace(plan(), graph=replace(graph, nodes=nodes)), path_of("unnormalised"), {})
