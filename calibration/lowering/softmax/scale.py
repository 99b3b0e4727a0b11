"""Units that fix the scale of their logits: lowering gives those tensors that scale.

The range that a plan measured stays; its top is kept exactly and its bottom is what the codes then reach, because
a softmax reads distances from the largest logit. A tensor that something else reads as well is refused: it would
lose the scale that it was calibrated for.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.plan import QuantPlan, TensorPlan
from bittrue.spec.arithmetic import clamp, code_range
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported


def with_logits_scale(plan: QuantPlan, datapath: Datapath) -> QuantPlan:
    """The plan with every tensor of logits at the scale that the datapath's softmax unit demands, if it does."""
    demanded = None if datapath.softmax is None else datapath.softmax.logits_scale
    if demanded is None:
        return plan
    changed = {}
    for name, tensor in plan.tensors.items():
        count = len(tensor.scale)
        shape = plan.graph.shape_of(name)
        line = [count if index == tensor.axis else 1 for index in range(len(shape))]
        channels = np.broadcast_to(np.arange(count).reshape(line), shape)
        to_softmax, to_others = _readers(plan.graph, name, channels)
        if to_softmax & to_others:
            raise Unsupported(
                "the softmax unit fixes the scale of its logits, and something else reads them too",
                where=name,
                expected=f"scale {float(demanded):.9g} for the softmax alone",
                next_step="choose a datapath whose softmax takes logits of any scale",
            )
        if to_softmax:
            changed[name] = _rescaled(tensor, to_softmax, demanded, datapath.tensors.zero_points)
    return replace(plan, tensors={**plan.tensors, **changed})


def _readers(graph: FloatGraph, name: str, channels: NDArray[np.int64]) -> tuple[set[int], set[int]]:
    """The channels of a tensor that softmax nodes read, and those that others compute with."""
    to_softmax: set[int] = set()
    to_others: set[int] = set()
    for node in graph.consumers[name]:
        if node.is_layout:
            further = _readers(graph, node.name, node.layout_op.move(channels))
            to_softmax |= further[0]
            to_others |= further[1]
        else:
            (to_softmax if node.kind == "softmax" else to_others).update(np.unique(channels).tolist())
    return to_softmax, to_others


def _rescaled(tensor: TensorPlan, channels: set[int], scale: Fraction, zero_points: str) -> TensorPlan:
    low, high = code_range(tensor.bits, True)
    scales, zeros = list(tensor.scale), list(tensor.zero_point)
    for channel in channels:
        scales[channel] = float(scale)
        zero = high - math.ceil(Fraction(tensor.high[channel]) / scale)
        zeros[channel] = {"none": 0, "clamped": clamp(zero, low, high)}.get(zero_points, zero)
    return replace(tensor, scale=tuple(scales), zero_point=tuple(zeros))
