"""Choose scales again where a datapath cannot hold a plan's: fewer bits, symmetric only, clamped zero points, powers
of two, one multiplier or one zero point for all channels.

From the ranges that the plan keeps; nothing is calibrated anew. What changed is listed, because it costs accuracy.

A tensor's channel scales become one scale where a unit that must have one for all channels makes or reads it, and where
scales that were chosen again no longer keep the rules between tensors (rules.py), which the plan kept. A plan that
breaks these rules by itself is left as it is: lowering refuses it. Whatever channel scales a weighted node then
reads are folded into its weight, whose scales are chosen again only if the folded weight is another one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.channel_fold import BIAS_LIMIT, folded_weight, groups_of, is_depthwise, scales_read
from bittrue.calibration.lowering.rules import breaking, must_have_one
from bittrue.calibration.lowering.softmax.scale import with_logits_scale
from bittrue.calibration.lowering.widths import narrowed
from bittrue.calibration.plan import QuantPlan, TensorPlan, WeightPlan
from bittrue.spec.arithmetic import clamp, code_range
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed

SAME_FOLD = 1e-9
"""Folding factors that differ by less, relatively, differ by rounding alone."""


def resnap(plan: QuantPlan, datapath: Datapath) -> tuple[QuantPlan, tuple[str, ...]]:
    """The plan as the datapath can hold it, and the names of the tensors and weights whose scales changed.

    Raises IllFormed where the codes of a weight were learned for scales that the datapath cannot hold.
    """
    given = replace(plan, tensors=narrowed(plan, datapath))
    tensors = _snapped(given, datapath)
    weights = {}
    for name, weight in plan.weights.items():
        node = plan.graph.by_name[name]
        refolded = _refolded(plan, tensors, node, weight)
        weights[name] = _weight(refolded, datapath, node.kind)
    held = with_logits_scale(replace(plan, tensors=tensors, weights=weights), datapath)
    changed = [name for name, tensor in held.tensors.items() if tensor != plan.tensors[name]]
    rounded_anew = [f"{name}/weight" for name, weight in weights.items() if weight != plan.weights[name]]
    _refuse_learned(plan, datapath, rounded_anew)
    return held, (*changed, *rounded_anew)


def _refuse_learned(plan: QuantPlan, datapath: Datapath, rounded_anew: list[str]) -> None:
    learned = [name for name in rounded_anew if name in plan.learned]
    if learned:
        raise IllFormed(
            "the rounding of a weight was learned for scales that the datapath cannot hold",
            where=learned[0],
            got=f"{len(learned)} such weights for datapath {datapath.name}",
            expected="the scales that the plan was calibrated with",
            next_step="calibrate with a method that learns no rounding, or lower for the datapath's like",
        )


def _snapped(plan: QuantPlan, datapath: Datapath) -> dict[str, TensorPlan]:
    """Every tensor with scales that the datapath holds; more tensors get one scale until no rule is broken anew."""
    one = must_have_one(plan, datapath)
    broken = breaking(plan)
    padded = {name for name in plan.tensors if any(map(_pads, plan.graph.readers(name)))}
    while True:
        tensors = {
            name: _tensor(_one_for_all(tensor) if name in one else tensor, datapath, padded=name in padded)
            for name, tensor in plan.tensors.items()
        }
        more = breaking(replace(plan, tensors=tensors)) - broken
        if not more:
            return tensors
        one |= more


def _one_for_all(tensor: TensorPlan) -> TensorPlan:
    """One scale that covers the ranges of all channels."""
    if tensor.axis is None:
        return tensor
    low, high = min(tensor.low), max(tensor.high)
    least, most = code_range(tensor.bits, signed=True)
    if not any(tensor.zero_point):
        scale, zero_point = max(-low, high) / most or 1.0, 0
    else:
        low, high = min(low, 0.0), max(high, 0.0)
        scale = (high - low) / (most - least)
        zero_point = least - math.floor(low / scale + 0.5)
    return replace(tensor, scale=(scale,), zero_point=(zero_point,), axis=None, low=(low,), high=(high,))


def _pads(node: Node) -> bool:
    return node.kind == "conv2d" and any(node.integers("padding"))


def _tensor(tensor: TensorPlan, datapath: Datapath, *, padded: bool) -> TensorPlan:
    """padded: a convolution reads the zero point, which must stay a code; the range may end a little beside 0."""
    rules = datapath.tensors
    low, high = code_range(tensor.bits, signed=True)
    scale, zero_point = list(tensor.scale), list(tensor.zero_point)
    for index, (least, most) in enumerate(zip(tensor.low, tensor.high, strict=True)):
        if rules.zero_points == "none" and zero_point[index]:
            scale[index] = max(-least, most) / high or 1.0
            zero_point[index] = 0
        if rules.scales == "power_of_two":
            snapped = _power_of_two_above(scale[index])
            if zero_point[index] and snapped != scale[index]:
                moved = low - math.floor(least / snapped + 0.5)
                zero_point[index] = clamp(moved, low, high) if padded else moved
            scale[index] = snapped
        if rules.zero_points == "clamped":
            zero_point[index] = clamp(zero_point[index], low, high)
    if (tuple(scale), tuple(zero_point)) == (tensor.scale, tensor.zero_point):
        return tensor
    scheme = tensor.scheme if any(zero_point) else "symmetric"
    return replace(tensor, scale=tuple(scale), zero_point=tuple(zero_point), scheme=scheme)


def _refolded(plan: QuantPlan, tensors: Mapping[str, TensorPlan], node: Node, weight: WeightPlan) -> WeightPlan:
    """The weight's scales; those of the weight as it is folded now where that is another one than was planned.

    A row's scale then holds its largest magnitude, and its bias as calibration would have it; its bits stay.
    """
    if plan.graph.source(node.inputs[0]) not in tensors:  # a softmax's probabilities have one scale
        return weight
    real = plan.graph.parameter(node, "weight").astype(np.float64)
    before, after = (_factors(plan, chosen, node, real) for chosen in (plan.tensors, tensors))
    if np.allclose(before, after, rtol=SAME_FOLD, atol=0.0):
        return weight
    scales, axis = scales_read(plan.graph, tensors, node)
    folded, reference = (real, float(scales[0])) if axis is None else folded_weight(real, scales, groups_of(node))
    reach = np.abs(folded.reshape(len(folded), -1)).max(axis=1) / ((1 << (weight.bits - 1)) - 1)
    bias = np.abs(plan.graph.parameter(node, "bias").astype(np.float64)) / (reference * BIAS_LIMIT)
    planned = np.broadcast_to(np.array(weight.scale), (len(real),))
    chosen = np.where(reach > 0, np.maximum(reach, bias), planned)
    return replace(weight, scale=(float(chosen.max()),) if len(weight.scale) == 1 else tuple(chosen.tolist()))


def _factors(
    plan: QuantPlan, tensors: Mapping[str, TensorPlan], node: Node, weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What each input channel's weights are multiplied by: 1 where nothing is folded."""
    scales, axis = scales_read(plan.graph, tensors, node)
    if axis is None or is_depthwise(node, weight):
        return np.ones(1)
    return np.asarray(scales / scales.max())


def _weight(weight: WeightPlan, datapath: Datapath, kind: str) -> WeightPlan:
    scale = weight.scale if datapath.requantizer(kind).per_channel else (max(weight.scale),)
    if datapath.tensors.scales == "power_of_two":
        scale = tuple(_power_of_two_above(value) for value in scale)
    return replace(weight, scale=scale)


def _power_of_two_above(scale: float) -> float:
    """The least power of two that is not below a positive scale."""
    mantissa, exponent = math.frexp(scale)
    return math.ldexp(1.0, exponent - 1 if mantissa == 0.5 else exponent)
