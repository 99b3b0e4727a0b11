"""Scales chosen again where a datapath cannot hold a plan's, and whole networks on completed datapaths."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from channel_plans import ALIKE, CHANNELS, joined, joined_plan
from op_datapaths import datapath
from small_models import pictures, small_plan

from bittrue.calibration.lowering.channel_fold import folded_weight, groups_of, is_depthwise, scales_read
from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.lowering.resnap import resnap
from bittrue.calibration.plan import QuantPlan
from bittrue.golden.reference import Reference
from bittrue.hw_configs.load import load_datapath, names
from bittrue.simulator.engine import Simulator
from bittrue.spec.errors import BittrueError, Unsupported

STOPPED = {"vta": "no power of two"}
"""Datapaths that cannot run the small network even with iot_npu's units, and the word that says why."""


@cache
def plan() -> QuantPlan:
    """One plan for all tests."""
    return small_plan()


def test_a_plan_that_complies_is_left_alone() -> None:
    """The default datapath changes nothing and lists nothing."""
    assert resnap(plan(), datapath()) == (plan(), ())


def test_symmetric_tensors_only() -> None:
    """Every zero point is 0, the scale covers the larger end of the range, and exactly these tensors are listed."""
    held, changed = resnap(plan(), datapath({"tensors": {"zero_points": "none"}}))
    assert changed
    for name, tensor in held.tensors.items():
        before = plan().tensors[name]
        assert not any(tensor.zero_point)
        assert (name in changed) == any(before.zero_point)
        for scale, low, high in zip(tensor.scale, tensor.low, tensor.high, strict=True):
            top = (1 << (tensor.bits - 1)) - 1
            assert scale * top >= max(-low, high) * (1 - 1e-12) or name not in changed


def test_clamped_zero_points() -> None:
    """A zero point past 8 bits is forced to the end, its scale kept: the overflow that the papers speak of."""
    wide = dict(plan().tensors)
    name = next(iter(wide))
    wide[name] = replace(wide[name], zero_point=(-511,) * len(wide[name].zero_point))
    held, changed = resnap(replace(plan(), tensors=wide), datapath({"tensors": {"zero_points": "clamped"}}))
    assert name in changed
    assert held.tensors[name].zero_point == (-128,) * len(held.tensors[name].zero_point)
    assert held.tensors[name].scale == wide[name].scale


def test_powers_of_two() -> None:
    """Every scale is the least power of two that is not below the plan's."""
    held, _ = resnap(plan(), datapath({"tensors": {"scales": "power_of_two"}}))
    pairs = [(held.tensors[name].scale, tensor.scale) for name, tensor in plan().tensors.items()]
    pairs += [(held.weights[name].scale, weight.scale) for name, weight in plan().weights.items()]
    for after, before in pairs:
        for new, old in zip(after, before, strict=True):
            assert math.frexp(new)[0] == 0.5 and new / 2 < old <= new


def folded_rows(held: QuantPlan, name: str) -> np.ndarray:
    """The largest magnitude of each row of a node's weight as the held plan's input scales fold into it."""
    node = held.graph.by_name[name]
    weight = held.graph.parameter(node, "weight").astype(np.float64)
    scales, axis = scales_read(held.graph, held.tensors, node)
    if axis is not None and not is_depthwise(node, weight):
        weight, _ = folded_weight(weight, scales, groups_of(node))
    return np.abs(weight.reshape(len(weight), -1)).max(axis=1)


@cache
def channels() -> QuantPlan:
    """A plan with a scale a channel wherever one may stand."""
    return joined_plan()


def test_a_plan_of_channel_scales_that_complies_is_left_alone() -> None:
    """The default datapath holds all of them."""
    assert resnap(channels(), datapath()) == (channels(), ())


def test_one_multiplier_for_all_channels_takes_the_channel_scales() -> None:
    """What the requantizer makes gets one scale, and so does what must fit it: the residual, the concatenation."""
    held, changed = resnap(channels(), datapath({"requantization.per_channel": False}))
    axes = {name: tensor.axis for name, tensor in held.tensors.items()}
    one = {"stem", "expand", "relu", "depthwise", "project", *ALIKE, "cat"}
    assert {name for name in CHANNELS if axes[name] is None} | {"cat"} == one
    assert axes["silu_1"] == axes["group_norm"] == 1
    # A weight whose input lost its channel scales is no longer folded; one whose input kept them is left alone.
    assert {"expand/weight", "mix/weight"} <= set(changed)
    for name in ("expand", "mix"):
        assert held.weights[name].scale == (max(folded_rows(held, name)) / 127,)
    for name in ("project", "point", "feed"):
        assert held.weights[name].scale == (max(channels().weights[name].scale),)


def test_weights_are_chosen_again_only_where_the_folded_weight_is_another_one() -> None:
    """Scales that all grow alike fold as before; a subtracted zero point makes one scale of one tensor."""
    grown = replace(channels().tensors["silu_1"], scale=tuple(3 * s for s in channels().tensors["silu_1"].scale))
    base = replace(channels(), tensors={**channels().tensors, "silu_1": grown})
    assert resnap(base, datapath())[1] == ()
    held, changed = resnap(channels(), datapath({"mac.zero_point": "subtracted"}))
    assert changed == ("silu_1", "project/weight")
    assert held.weights["project"].scale == tuple((folded_rows(held, "project") / 127).tolist())


def test_equal_zero_points_are_subtracted_from_channel_scales() -> None:
    """A multiplier that subtracts one zero point needs nothing else."""
    base = joined_plan(same_zero_points=True)
    assert resnap(base, datapath({"mac.zero_point": "subtracted"})) == (base, ())


def test_powers_of_two_keep_channel_scales() -> None:
    """Each channel's own power of two, W' of these; nothing is narrower than its folded weight."""
    held, _ = resnap(channels(), datapath({"tensors": {"scales": "power_of_two"}}))
    for name in (*CHANNELS, "cat"):
        assert held.tensors[name].axis == channels().tensors[name].axis
        assert all(math.frexp(scale)[0] == 0.5 for scale in held.tensors[name].scale)
    for name, weight in held.weights.items():
        assert all(math.frexp(scale)[0] == 0.5 for scale in weight.scale)
        assert (folded_rows(held, name) <= np.array(weight.scale) * 127).all()


def test_powers_of_two_that_part_the_ratios_of_an_add_make_one_scale() -> None:
    """3/4 of a scale snaps to the same power of two in some channels and to half of it in others."""
    tensors = dict(channels().tensors)
    exact = tuple(float(np.float32(scale)) for scale in tensors["add"].scale)
    for name, factor in (("silu", 1.0), ("project", 0.75), ("add", 1.0)):
        tensors[name] = replace(tensors[name], scale=tuple(factor * scale for scale in exact))
    tensors["cat"] = joined(tensors["add"], tensors["silu"])
    base = replace(channels(), tensors=tensors)
    assert resnap(base, datapath())[1] == ()
    held, changed = resnap(base, datapath({"tensors": {"scales": "power_of_two"}}))
    assert {*ALIKE, "cat"} <= set(changed)
    assert [held.tensors[name].axis for name in (*ALIKE, "cat")] == [None] * 4
    lower_plan(base, datapath({"tensors": {"scales": "power_of_two"}}), {})


def test_a_norm_keeps_one_zero_point_behind_powers_of_two() -> None:
    """Scales that grow differently would move the zero points apart: the tensor gets one scale."""
    tensor = channels().tensors["group_norm"]
    base = replace(channels(), tensors={**channels().tensors, "group_norm": replace(tensor, zero_point=(3,) * 8)})
    assert resnap(base, datapath())[1] == ()
    path = datapath({"tensors": {"scales": "power_of_two"}})
    assert resnap(base, path)[0].tensors["group_norm"].axis is None
    lower_plan(base, path, {})


def test_symmetric_tensors_keep_channel_scales() -> None:
    """Each channel's zero point is 0 and its scale covers its own larger end."""
    held, _ = resnap(channels(), datapath({"tensors": {"zero_points": "none"}}))
    tensor = held.tensors["silu_1"]
    assert tensor.axis == 1 and not any(tensor.zero_point)
    for scale, low, high in zip(tensor.scale, tensor.low, tensor.high, strict=True):
        assert scale == max(-low, high) / 127


def test_a_plan_that_breaks_a_rule_by_itself_is_left_to_be_refused() -> None:
    """Resnapping repairs what it broke, and hides no mistake of a plan."""
    tensor = channels().tensors["project"]
    wrong = replace(tensor, scale=(2 * tensor.scale[0], *tensor.scale[1:]))
    base = replace(channels(), tensors={**channels().tensors, "project": wrong})
    assert resnap(base, datapath())[1] == ()
    with pytest.raises(BittrueError, match="one ratio of scales"):
        lower_plan(base, datapath(), {})


def test_an_activation_unit_with_one_set_of_constants() -> None:
    """A unit that takes a row at once has no channels: both sides of it get one scale, and the network runs."""
    unit = {"kind": "shift_silu", "input_bits_max": 8, "fraction_bits": 20, "sigmoid_bits": 8, "maximum": "row"}
    path = datapath({"activation": {"silu": unit}})
    held, changed = resnap(channels(), path)
    assert {"stem", "silu", "depthwise", "silu_1"} <= set(changed)
    assert held.tensors["relu"].axis == 1
    lower_plan(channels(), path, {})
    each = {"activation": {"silu": {**unit, "maximum": "element"}}}
    single = datapath({**each, "requantization.of.activation.per_channel": False})
    assert resnap(channels(), single)[0].tensors["silu_1"].axis is None
    lower_plan(channels(), single, {})


@pytest.mark.parametrize("name", names("datapaths"))
def test_channel_scales_on_every_packaged_datapath(name: str) -> None:
    """A plan with a scale a channel everywhere lowers for each, as one with one scale a tensor does, and runs alike."""
    path = load_datapath(name).supplied_by(load_datapath("iot_npu"))
    if name in STOPPED:
        with pytest.raises(BittrueError, match=STOPPED[name]):
            lower_plan(channels(), path, {})
        return
    program = lower_plan(channels(), path, {})
    image = pictures(1, seed=5)
    fast = Simulator(program).run(image).tensors
    for tensor, codes in Reference(program).run(image).tensors.items():
        assert np.array_equal(fast[tensor], codes), tensor


def test_one_multiplier_for_all_channels() -> None:
    """Weights and their outputs have one scale each, the largest, where the requantizer has one multiplier."""
    held, changed = resnap(plan(), datapath({"requantization.per_channel": False}))
    for name, weight in held.weights.items():
        assert weight.scale == (max(plan().weights[name].scale),)
        assert (f"{name}/weight" in changed) == (len(plan().weights[name].scale) > 1)
        assert held.tensors[name].axis is None


@pytest.mark.parametrize("name", names("datapaths"))
def test_every_packaged_datapath_completed(name: str) -> None:
    """With iot_npu's units for what it lacks, a network lowers and runs alike on both sides."""
    path = load_datapath(name).supplied_by(load_datapath("iot_npu"))
    program = lower_plan(plan(), path, {})
    assert program.datapath.name == f"{name}+iot_npu"
    assert isinstance(json.loads(program.provenance["scales_changed"]), list)
    for image in pictures(2, seed=5):
        fast = Simulator(program).run(image[None]).tensors
        for tensor, codes in Reference(program).run(image[None]).tensors.items():
            assert np.array_equal(fast[tensor], codes), tensor


@pytest.mark.parametrize(
    ("name", "op"), [("ita", "conv2d"), ("nvdla_small", "table"), ("tflite_reference", "norm"), ("ethos_u", "add")]
)
def test_what_stops_a_datapath_alone(name: str, op: str) -> None:
    """The first op or unit, in program order, that the hardware does not have."""
    with pytest.raises(Unsupported) as found:
        lower_plan(plan(), load_datapath(name), {})
    assert op in str(found.value)
