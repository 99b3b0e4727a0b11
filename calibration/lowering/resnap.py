"""Choose scales again where a datapath cannot hold a plan's: symmetric only, clamped zero points, powers of two,
one multiplier for all channels.

From the ranges that the plan keeps; nothing is calibrated anew. What changed is listed, because it costs accuracy.
"""

from __future__ import annotations

import math
from dataclasses import replace

from bittrue.calibration.lowering.softmax.scale import with_logits_scale
from bittrue.calibration.plan import QuantPlan, TensorPlan, WeightPlan
from bittrue.spec.arithmetic import clamp, code_range
from bittrue.spec.datapath import Datapath


def resnap(plan: QuantPlan, datapath: Datapath) -> tuple[QuantPlan, tuple[str, ...]]:
    """The plan as the datapath can hold it, and the names of the tensors and weights whose scales changed."""
    tensors = {
        name: _tensor(_one_for_all(tensor) if _needs_one(plan, name, datapath) else tensor, datapath)
        for name, tensor in plan.tensors.items()
    }
    weights = {name: _weight(weight, datapath, plan.graph.by_name[name].kind) for name, weight in plan.weights.items()}
    held = with_logits_scale(replace(plan, tensors=tensors, weights=weights), datapath)
    changed = [name for name, tensor in held.tensors.items() if tensor != plan.tensors[name]]
    changed += [f"{name}/weight" for name, weight in weights.items() if weight != plan.weights[name]]
    return held, tuple(changed)


def _needs_one(plan: QuantPlan, name: str, datapath: Datapath) -> bool:
    """Whether a tensor leaves a requantizer that has one multiplier for all channels."""
    node = plan.graph.by_name[name]
    return node.kind in ("conv2d", "linear") and not datapath.requantizer(node.kind).per_channel


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


def _tensor(tensor: TensorPlan, datapath: Datapath) -> TensorPlan:
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
                zero_point[index] = low - math.floor(least / snapped + 0.5)
            scale[index] = snapped
        if rules.zero_points == "clamped":
            zero_point[index] = clamp(zero_point[index], low, high)
    if (tuple(scale), tuple(zero_point)) == (tensor.scale, tensor.zero_point):
        return tensor
    scheme = tensor.scheme if any(zero_point) else "symmetric"
    return replace(tensor, scale=tuple(scale), zero_point=tuple(zero_point), scheme=scheme)


def _weight(weight: WeightPlan, datapath: Datapath, kind: str) -> WeightPlan:
    scale = weight.scale if datapath.requantizer(kind).per_channel else (max(weight.scale),)
    if datapath.tensors.scales == "power_of_two":
        scale = tuple(_power_of_two_above(value) for value in scale)
    return replace(weight, scale=scale)


def _power_of_two_above(scale: float) -> float:
    """The least power of two that is not below a positive scale."""
    mantissa, exponent = math.frexp(scale)
    return math.ldexp(1.0, exponent - 1 if mantissa == 0.5 else exponent)
