"""From ranges to scales and zero points: the part of calibration that all methods share."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import FloatGraph, Node
from bittrue.calibration.methods.method import Method, Range
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import TensorPlan, WeightPlan
from bittrue.calibration.sites import Site
from bittrue.spec.arithmetic import code_range

BIAS_LIMIT = 1 << 29
"""A weight scale is made no finer than keeps the layer's own |bias| below this; what the input's zero point
folds in comes on top, and lowering proves that the sum fits."""
ZERO_POINT_SPAN = 1 << 12
"""A zero point lies within this many codes of zero: 2,880 weights of 127 times it still fit a 32-bit bias."""
RATIO_MIN = 2.0**-30
"""Nor finer than keeps every requantization ratio above this, so that its shift fits 62."""


def plan_tensor(site: Site, method: Method, options: CalibrationOptions, *, is_output: bool) -> TensorPlan:
    """Scale and zero point of every channel of a site."""
    bits = options.output_bits if is_output else options.activation_bits
    members = _members(site, options)
    chosen = [_quantize_group(site, method, options, channels, symmetric, bits) for channels, symmetric in members]
    per_channel: list[tuple[float, int, Range]] = [chosen[0]] * len(site.groups)
    for (channels, _), choice in zip(members, chosen, strict=True):
        for channel in channels:
            per_channel[channel] = choice
    one = len(members) == 1
    used = per_channel[:1] if one else per_channel
    return TensorPlan(
        bits=bits,
        scale=tuple(scale for scale, _, _ in used),
        zero_point=tuple(zero for _, zero, _ in used),
        axis=None if one else site.axis,
        scheme="symmetric" if all(symmetric for _, symmetric in members) else "asymmetric",
        low=tuple(seen.low for _, _, seen in used),
        high=tuple(seen.high for _, _, seen in used),
    )


def _members(site: Site, options: CalibrationOptions) -> list[tuple[NDArray[np.int64], bool]]:
    """The sets of channels that share a scale, each with whether its codes are symmetric."""
    always = options.activation_scheme == "symmetric"
    if options.activation_granularity == "channel" and site.depthwise:
        return [(np.array([channel]), always) for channel in range(len(site.groups))]
    groups = np.array(site.groups)
    return [(np.flatnonzero(groups == index), always or symmetric) for index, symmetric in enumerate(site.symmetric)]


def _quantize_group(
    site: Site, method: Method, options: CalibrationOptions, channels: NDArray[np.int64], symmetric: bool, bits: int
) -> tuple[float, int, Range]:
    node = method.problem.graph.by_name[site.name]
    if node.kind == "normalize":
        chosen = input_range(node)
    else:
        chosen = method.activation_range(site, channels, symmetric=symmetric, bits=bits)
    scale, zero_point = scale_and_zero_point(chosen, bits, symmetric=symmetric, with_zero=site.padded)
    return scale, zero_point, chosen


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


def plan_weight(
    graph: FloatGraph, node: Node, method: Method, options: CalibrationOptions, source: TensorPlan, output: TensorPlan
) -> WeightPlan:
    """Symmetric weight scales of one conv2d or linear node, given the scales on either side of it."""
    weight = graph.parameter(node, "weight").astype(np.float64)
    rows = weight.reshape(len(weight), -1)
    whole = options.weight_granularity == "tensor"
    limit = method.weight_limit(rows.reshape(1, -1) if whole else rows)
    scale = np.broadcast_to(limit / ((1 << (options.weight_bits - 1)) - 1), (len(rows),))
    depthwise = node.kind == "conv2d" and weight.shape[1] == 1 and len(source.scale) > 1
    if depthwise:
        scale_in = np.repeat(np.array(source.scale), len(rows) // len(source.scale))
    else:
        scale_in = np.full(len(rows), min(source.scale))
    scale_out = np.broadcast_to(np.array(output.scale), (len(rows),))
    # A row of zeros may have any scale: the one whose ratio is 1 asks nothing of the shifter.
    scale = np.where(rows.any(axis=1) | whole, scale, scale_out / scale_in)
    reach = np.abs(graph.parameter(node, "bias").astype(np.float64))
    scale = np.maximum(scale, np.maximum(reach / (scale_in * BIAS_LIMIT), RATIO_MIN * scale_out / scale_in))
    return WeightPlan(options.weight_bits, (float(scale.max()),) if whole else tuple(scale.tolist()))
