"""From ranges to scales and zero points: the part of calibration that all methods share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import FloatGraph, Node
from bittrue.calibration.lowering.channel_fold import (
    BIAS_LIMIT,
    folded_weight,
    groups_of,
    is_depthwise,
    scales_read,
)
from bittrue.calibration.plan import TensorPlan, WeightPlan
from bittrue.calibration.sites import Site
from bittrue.spec.arithmetic import code_range

ZERO_POINT_SPAN = 1 << 12
"""A zero point lies within this many codes of zero: 2,880 weights of 127 times it still fit a 32-bit bias."""
RATIO_MIN = 2.0**-30
"""Nor finer than keeps every requantization ratio above this, so that its shift fits 62."""


@dataclass(frozen=True)
class Range:
    """The real interval that the codes shall cover, low <= high."""

    low: float
    high: float

    @property
    def span(self) -> float:
        """Distance of the ends."""
        return self.high - self.low

    def times(self, factor: float) -> Range:
        """Both ends moved by a factor: about zero where it lies inside, else about the middle."""
        middle = 0.0 if self.low <= 0.0 <= self.high else (self.low + self.high) / 2
        return Range(middle + (self.low - middle) * factor, middle + (self.high - middle) * factor)


def towards_widest(ranges: Sequence[Range], degree: float) -> list[Range]:
    """Ranges of channels widened towards the widest: 1 leaves each its own, 0 gives all the same span."""
    widest = max(each.span for each in ranges)
    return [each.times((widest / each.span) ** (1 - degree) if each.span > 0 else 1.0) for each in ranges]


Part = tuple[NDArray[np.int64], bool]
"""Channels of a site that share a scale, and whether their codes are symmetric."""


def parts(site: Site, *, channelwise: bool, symmetric: bool) -> list[Part]:
    """The sets of channels of a site that share a scale.

    channelwise: a scale a channel, else one for each group that the site's readers tell apart. symmetric: all codes
    are, not only those that a reader demands to be.
    """
    if channelwise:
        each = site.symmetric[0] or symmetric or site.one_zero_point
        return [(np.array([channel]), each) for channel in range(len(site.groups))]
    groups = np.array(site.groups)
    return [(np.flatnonzero(groups == index), forced or symmetric) for index, forced in enumerate(site.symmetric)]


def plan_tensor(site: Site, bits: int, chosen: Sequence[tuple[Part, Range]]) -> TensorPlan:
    """Scale and zero point of every channel of a site whose codes shall cover a range for each part."""
    found = [
        (*scale_and_zero_point(covered, bits, symmetric=symmetric, with_zero=site.padded), covered)
        for (_, symmetric), covered in chosen
    ]
    one = len(found) == 1
    per_channel = [found[0]] * (1 if one else len(site.groups))
    if not one:
        for ((channels, _), _), choice in zip(chosen, found, strict=True):
            for channel in channels:
                per_channel[channel] = choice
    return TensorPlan(
        bits=bits,
        scale=tuple(scale for scale, _, _ in per_channel),
        zero_point=tuple(zero for _, zero, _ in per_channel),
        axis=None if one else site.axis,
        scheme="symmetric" if all(symmetric for (_, symmetric), _ in chosen) else "asymmetric",
        low=tuple(covered.low for _, _, covered in per_channel),
        high=tuple(covered.high for _, _, covered in per_channel),
    )


def beside(graph: FloatGraph, concat: Node, tensors: Mapping[str, TensorPlan]) -> TensorPlan:
    """The plan of a concat that copies codes: its inputs' side by side."""
    plans = [tensors[name] for name in concat.inputs]
    sizes = [graph.shape_of(name)[concat.integer("axis")] for name in concat.inputs]

    def along(field: str) -> tuple[Any, ...]:
        values = [(getattr(plan, field), size) for plan, size in zip(plans, sizes, strict=True)]
        return tuple(v for held, size in values for v in (held if len(held) == size else held * size))

    return TensorPlan(
        bits=plans[0].bits,
        scale=along("scale"),
        zero_point=along("zero_point"),
        axis=concat.integer("axis"),
        scheme="symmetric" if all(plan.scheme == "symmetric" for plan in plans) else "asymmetric",
        low=along("low"),
        high=along("high"),
    )


def input_range(node: Node) -> Range:
    """The range of a normalized u8 image, which is known without looking: with mean 0 and std 1 its
    256 codes are exact."""
    ends = [
        (pixel - mean) / std
        for mean, std in zip(node.reals("mean"), node.reals("std"), strict=True)
        for pixel in (0.0, 1.0)
    ]
    return Range(min(ends), max(ends))


def scale_and_zero_point(chosen: Range, bits: int, *, symmetric: bool, with_zero: bool) -> tuple[float, int]:
    """The scale and zero point whose signed codes cover a range.

    with_zero: widen the range to contain 0, so that 0 is exactly a code (docs/design.md, decision 4).
    """
    low, high = chosen.low, chosen.high
    code_low, code_high = code_range(bits, signed=True)
    if low == high == 0.0:
        return 1.0, 0  # a tensor of zeros: any scale holds it, and this one keeps every ratio near 1
    if symmetric:
        return max(-low, high) / code_high, 0
    if with_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    largest = max(abs(low), abs(high))
    if (high - low) * ZERO_POINT_SPAN < largest * (code_high - code_low):
        # Nearly constant: a finer scale would need a zero point that no bias can fold in.
        low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / (code_high - code_low)
    return scale, code_low - math.floor(low / scale + 0.5)


Limit = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Weights [rows, values] -> the magnitude that the largest code of each row stands for, [rows]."""


def plan_weight(
    graph: FloatGraph,
    node: Node,
    limit: Limit,
    tensors: Mapping[str, TensorPlan],
    *,
    bits: int,
    whole: bool = False,
) -> WeightPlan:
    """Symmetric weight scales of one conv2d or linear node, given the plans of the tensors on either side of it.

    Where the node reduces over channels with scales of their own, these are folded into the weight first, and the
    scales are those of the folded weight. whole: one scale for all rows.
    """
    weight = graph.parameter(node, "weight").astype(np.float64)
    scales, axis = scales_read(graph, tensors, node)
    if axis is None:
        scale_in = np.full(len(weight), scales[0])
    elif is_depthwise(node, weight):
        scale_in = np.repeat(scales, len(weight) // len(scales))
    else:
        weight, reference = folded_weight(weight, scales, groups_of(node))
        scale_in = np.full(len(weight), reference)
    rows = weight.reshape(len(weight), -1)
    scale = np.broadcast_to(limit(rows.reshape(1, -1) if whole else rows) / ((1 << (bits - 1)) - 1), (len(rows),))
    scale_out = np.broadcast_to(np.array(tensors[node.name].scale), (len(rows),))
    # A row of zeros may have any scale: the one whose ratio is 1 asks nothing of the shifter.
    scale = np.where(rows.any(axis=1) | whole, scale, scale_out / scale_in)
    reach = np.abs(graph.parameter(node, "bias").astype(np.float64))
    scale = np.maximum(scale, np.maximum(reach / (scale_in * BIAS_LIMIT), RATIO_MIN * scale_out / scale_in))
    return WeightPlan(bits, (float(scale.max()),) if whole else tuple(scale.tolist()))
