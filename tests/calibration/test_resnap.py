"""Scales chosen again where a datapath cannot hold a plan's, and whole networks on completed datapaths."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from op_datapaths import datapath
from small_models import pictures, small_plan

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


def test_one_multiplier_for_all_channels() -> None:
    """Weights and their outputs have one scale each, the largest, where the requantizer has one multiplier."""
    held, changed = resnap(plan(), datapath({"requantization.per_channel": False}))
    for name, weight in held.weights.items():
        assert weight.scale == (max(plan().weights[name].scale),)
        assert (f"{name}/weight" in changed) == (len(plan().weights[name].scale) > 1)
        assert held.tensors[name].axis is None


@pytest.mark.parametrize("name", names("datapaths"))
def test_every_packaged_datapath_completed(name: str) -> None:
    """With iot_npu's units for what it lacks, a network lowers and runs alike on both sides, or is refused."""
    path = load_datapath(name).supplied_by(load_datapath("iot_npu"))
    if name in STOPPED:
        with pytest.raises(BittrueError, match=STOPPED[name]):
            lower_plan(plan(), path, {})
        return
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
