"""Channel scales folded into weights, gamma and beta, or kept side by side: the integers against exact fractions."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from channel_plans import ALIKE, CHANNELS, joined_graph, joined_plan
from op_datapaths import datapath
from small_models import pictures, small_plan

from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.lowering.channel_fold import folded_weight, scales_read
from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.plan import QuantPlan, TensorPlan
from bittrue.golden.reference import Reference
from bittrue.simulator.engine import Simulator
from bittrue.spec.errors import BittrueError, IllFormed
from bittrue.spec.op import Call
from bittrue.spec.program import Program


@cache
def plan() -> QuantPlan:
    """One plan for all tests."""
    return joined_plan()


@cache
def program() -> Program:
    """It lowered for the default datapath."""
    return lower_plan(plan(), datapath(), {})


def call_of(name: str) -> Call:
    """One step of the program."""
    return program().call(program().step(name))


def with_tensors(base: QuantPlan, **changed: TensorPlan) -> QuantPlan:
    """The plan with other plans for some tensors."""
    return dataclasses.replace(base, tensors={**base.tensors, **changed})


def scaled(tensor: TensorPlan, *factors: float) -> TensorPlan:
    """The tensor's plan with each scale times a factor, the same for all or one a channel."""
    every = factors * len(tensor.scale) if len(factors) == 1 else factors
    return dataclasses.replace(tensor, scale=tuple(s * f for s, f in zip(tensor.scale, every, strict=True)))


def test_the_folded_weight_is_one_division_and_one_product() -> None:
    """W'[o, c] = W[o, c] * (s_c / max s), c counted over all groups; float64 operations in this order."""
    rng = np.random.default_rng(0)
    for groups, shape in ((1, (3, 4)), (1, (2, 4, 3, 2)), (2, (6, 2, 1, 1)), (3, (3, 2, 2, 1))):
        weight, scales = rng.normal(size=shape), rng.uniform(0.01, 3, groups * shape[1])
        folded, reference = folded_weight(weight, scales, groups)
        assert reference == scales.max()
        for o in range(shape[0]):
            for c in range(shape[1]):
                factor = scales[o // (shape[0] // groups) * shape[1] + c] / reference
                assert (folded[o, c] == weight[o, c] * factor).all()


def test_scales_that_are_not_one_a_channel_do_not_fold() -> None:
    """Refused, not broadcast."""
    with pytest.raises(IllFormed, match="one for each input channel"):
        folded_weight(np.ones((2, 3)), [1.0], 1)


@pytest.mark.parametrize("name", ["stem", "expand", "project", "mix", "point", "feed"])
def test_weight_scales_are_those_of_the_folded_weight(name: str) -> None:
    """Calibration by minmax: the largest magnitude of each row of W' over 127."""
    node = plan().graph.by_name[name]
    weight = plan().graph.parameter(node, "weight").astype(np.float64)
    scales, axis = scales_read(plan().graph, plan().tensors, node)
    assert axis is not None
    folded, _ = folded_weight(weight, scales, node.integer("groups") if node.kind == "conv2d" else 1)
    wanted = np.abs(folded.reshape(len(folded), -1)).max(axis=1) / 127
    assert plan().weights[name].scale == tuple(wanted.tolist())


def test_a_depthwise_weight_is_not_folded() -> None:
    """Its row's own magnitude; the input scale of its channel stands in the ratio."""
    weight = plan().graph.parameters["depthwise/weight"].astype(np.float64)
    assert plan().weights["depthwise"].scale == tuple((np.abs(weight.reshape(8, -1)).max(axis=1) / 127).tolist())


@pytest.mark.parametrize("name", ["stem", "expand", "project", "mix", "point", "feed"])
def test_integers_of_a_reducing_layer(name: str) -> None:
    """Codes of W', a bias that holds every channel's zero point, multipliers nearest to s_ref * s_w / s_y."""
    call, node = call_of(name), plan().graph.by_name[name]
    source, output, groups = call.inputs[0], call.output, getattr(call.op, "groups", 1)
    weight, bias = (plan().graph.parameter(node, role).astype(np.float64) for role in ("weight", "bias"))
    scales, reference = source.scale, max(source.scale)
    codes = call.constants["weight"].astype(np.int64)
    outputs, of_group = weight.shape[:2]
    assert len(scales) == groups * of_group > 1
    for o in range(outputs):
        scale_w, folded_in = plan().weights[name].scale[o], 0
        first = o // (outputs // groups) * of_group
        for c in range(of_group):
            taps = np.rint(weight[o, c] * (scales[first + c] / reference) / scale_w)
            assert np.array_equal(codes[o, c], np.clip(taps, -127, 127))
            folded_in += source.zero_point[first + c] * int(codes[o, c].sum())
        assert int(call.constants["bias"][o]) == int(np.rint(bias[o] / (reference * scale_w))) - folded_in
        ratio = Fraction(reference) * Fraction(scale_w) / Fraction(output.scale[o if output.axis else 0])
        m, s = int(call.constants["multiplier"][o]), int(call.constants["shift"][o])
        assert abs(Fraction(m, 1 << s) - ratio) <= Fraction(1, 1 << (s + 1))
    assert (len(set(source.zero_point)) > 1) == (name == "project")


@pytest.mark.parametrize("name", ["layer_norm", "group_norm"])
def test_gamma_and_beta_are_over_the_scale_of_their_channel(name: str) -> None:
    """Nearest to gamma_c / s_c (2**-16 of a normalized step) and beta_c / s_c at one shift."""
    call, node = call_of(name), plan().graph.by_name[name]
    gamma, beta = (plan().graph.parameter(node, role) for role in ("gamma", "beta"))
    (shift,) = call.constants["shift"].tolist()
    assert len(set(call.output.scale)) == len(gamma)
    for c, scale in enumerate(call.output.scale):
        for role, real in (("multiplier", Fraction(float(gamma[c])) / (1 << 16)), ("bias", Fraction(float(beta[c])))):
            wanted = real / Fraction(scale) * (1 << shift)
            assert abs(int(call.constants[role][c]) - wanted) <= Fraction(1, 2)


def test_a_norm_output_with_two_zero_points_is_refused() -> None:
    """A norm unit adds one."""
    tensor = plan().tensors["group_norm"]
    changed = dataclasses.replace(tensor, zero_point=(1, *tensor.zero_point[1:]))
    with pytest.raises(IllFormed, match="zero points differ between channels") as caught:
        lower_plan(with_tensors(plan(), group_norm=changed), datapath(), {})
    assert "group_norm" in caught.value.where


def test_an_add_of_channel_scales_has_the_constants_of_one_ratio() -> None:
    """Scales in the proportion 1/2 : 1/4 : 1 a channel give what one scale each in that proportion gives."""
    base = plan().tensors["add"]
    silu, project = scaled(base, 0.5), scaled(base, 0.25)
    free = dataclasses.replace(base, scale=(1.0,), zero_point=(0,), axis=None, low=(-1.0,), high=(1.0,))
    found = []
    for changed in ({"silu": silu, "project": project}, {"silu": scaled(free, 0.5), "project": scaled(free, 0.25)}):
        held = with_tensors(joined_plan(channels=False), **changed, add=base if len(found) == 0 else free)
        constants = lower_plan(_without_concat(held), datapath(), {}).constants
        found.append({key: int(constants[f"add/{key}"][0]) for key in ("multiplier_a", "multiplier_b", "shift")})
    assert found[0] == found[1]
    a, b, shift = (found[0][role] for role in ("multiplier_a", "multiplier_b", "shift"))
    assert (Fraction(a, 1 << shift), Fraction(b, 1 << shift)) == (Fraction(1, 2), Fraction(1, 4))


def _without_concat(held: QuantPlan) -> QuantPlan:
    """The plan with the concatenation in the formats of its inputs, whatever these are."""
    parts = [held.tensors[name] for name in ("add", "silu")]
    each = {
        field: tuple(value for part in parts for value in getattr(part, field) * (1 if part.axis else 8))
        for field in ("scale", "zero_point", "low", "high")
    }
    return with_tensors(held, cat=dataclasses.replace(parts[0], axis=1, **each))


@pytest.mark.parametrize("name", ALIKE[:2])
def test_an_add_with_another_ratio_in_one_channel_is_refused(name: str) -> None:
    """The error names the operand."""
    factors = [1.0] * 7 + [1.0000001]
    changed = with_tensors(plan(), **{name: scaled(plan().tensors[name], *factors)})
    with pytest.raises(IllFormed, match="one ratio of scales for all channels") as caught:
        lower_plan(changed, datapath(), {})
    assert name in caught.value.where


def test_an_add_with_one_scale_beside_channel_scales_is_refused() -> None:
    """No ratio is the same for all channels then."""
    with pytest.raises(IllFormed, match="one ratio of scales"):
        lower_plan(with_tensors(plan(), project=joined_plan(channels=False).tensors["project"]), datapath(), {})


def test_a_concat_of_formats_side_by_side_copies() -> None:
    """No constants; the default datapath would requantize otherwise, and refuses channel scales then."""
    call = call_of("cat")
    assert call.op.copies and call.constants == {}  # type: ignore[attr-defined]
    assert call.output.scale == (*call.inputs[0].scale, *call.inputs[1].scale)
    changed = scaled(plan().tensors["cat"], *[1.0] * 15, 1.0000001)
    with pytest.raises(IllFormed, match="one scale"):
        lower_plan(with_tensors(plan(), cat=changed), datapath(), {})


@pytest.mark.parametrize("kind", ["requantize", "table", "copy"])
def test_a_concat_of_one_format_copies_on_every_datapath(kind: str) -> None:
    """With one scale for all, too; another output scale needs constants, or is refused where there are none."""
    base = joined_plan(channels=False)
    alike = with_tensors(base, **dict.fromkeys(("silu", "cat"), base.tensors["add"]))
    path = datapath({"concat": {"kind": kind}})
    step = lower_plan(alike, path, {}).step("cat")
    assert step.op.copies == (kind != "copy")  # type: ignore[attr-defined]
    assert step.op.roles_on(path) == ()
    if kind == "copy":
        with pytest.raises(IllFormed, match="another scale"):
            lower_plan(base, path, {})
    else:
        assert not lower_plan(base, path, {}).step("cat").op.copies  # type: ignore[attr-defined]


def test_scales_along_another_axis_than_the_channels_are_refused() -> None:
    """The pixels of a row have no weights of their own."""
    tensor = plan().tensors["silu_1"]
    changed = with_tensors(plan(), silu_1=dataclasses.replace(tensor, axis=3))
    with pytest.raises(IllFormed, match="axis of the input channels"):
        lower_plan(changed, datapath(), {})


@pytest.mark.parametrize(("name", "axis"), [("add_1", 2), ("proj", 2), ("context", 1), ("scores", 3)])
def test_what_has_no_place_for_channel_scales_refuses_them(name: str, axis: int) -> None:
    """A mean, an add beside one scale, a product of two activations, a softmax; the error says where."""
    base = small_plan()
    tensor, count = base.tensors[name], base.graph.shape_of(name)[axis]
    each = {field: getattr(tensor, field) * count for field in ("scale", "zero_point", "low", "high")}
    varied = scaled(dataclasses.replace(tensor, axis=axis, **each), *(1.0 + i for i in range(count)))
    with pytest.raises(BittrueError) as caught:
        lower_plan(with_tensors(base, **{name: varied}), datapath(), {})
    assert caught.value.where


def test_a_network_with_channel_scales_everywhere() -> None:
    """Simulator and reference agree on every tensor; the logits are nearer to float than with one scale."""
    axes = {name: program().tensors[name].axis for name in (*CHANNELS, "cat")}
    assert axes == {**dict.fromkeys(axes, 1), "layer_norm": 2}
    assert not set(CHANNELS) - {*program().tensors}
    assert sqnr_db(program()) > sqnr_db(lower_plan(joined_plan(channels=False), datapath(), {})) > 10


def sqnr_db(lowered: Program) -> float:
    """Of the logits over three images; every tensor of simulator and reference compared on the way."""
    runner, simulator, judge = FloatRunner(joined_graph()), Simulator(lowered), Reference(lowered)
    signal = noise = 0.0
    for image in pictures(3, seed=9):
        x = runner.logits(image[None]).astype(np.float64)
        fast, found = simulator.run(image[None]).tensors, judge.run(image[None]).tensors
        for name, codes in found.items():
            assert np.array_equal(fast[name], codes), name
        signal += float((x**2).sum())
        noise += float(((x - lowered.tensors[lowered.output].dequantize(found[lowered.output]).ravel()) ** 2).sum())
    return 10 * float(np.log10(signal / noise))
