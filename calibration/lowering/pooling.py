"""Lowering of mean and avg_pool2d: the division by the element count, where the datapath's unit wants it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.concat import same_scale
from bittrue.calibration.lowering.constants import Constants, requantizer
from bittrue.calibration.lowering.context import Lowering
from bittrue.calibration.lowering.float32 import float32_bits
from bittrue.calibration.lowering.ieee import double, single
from bittrue.calibration.lowering.mac import one_scale
from bittrue.spec.arithmetic import multiplier_and_shift
from bittrue.spec.errors import IllFormed, Unsupported
from bittrue.spec.op import Op
from bittrue.spec.ops.avg_pool2d import AvgPool2d
from bittrue.spec.ops.mean import Mean
from bittrue.spec.units.mean import Float32Mean
from bittrue.spec.units.requantization import RequantizationUnit

UNBOUNDED = 1 << 20
"""No scales that fit a float64 need a shift of so many bits."""
TRUNCATED_SHIFT_MAX = 62
TRUNCATED_EXTRA_MAX = 32


def lower_mean(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """The division by H * W is part of the multiplier, or of a float32 scale."""
    (x,), output, unit = lowering.inputs(node), lowering.specs[node.name], lowering.datapath.requantizer("mean")
    count = x.shape[-2] * x.shape[-1]
    mean, scale_x, scale_y = lowering.datapath.mean, one_scale(x), one_scale(output)
    if isinstance(mean, Float32Mean):
        ratio = single(single(scale_x) / single(scale_y)) * single(Fraction(1, count))
        return Mean(), {"scale": np.array([float32_bits(ratio)], np.int32)}
    if mean.reciprocal == "truncated":
        return Mean(), truncated(scale_x, scale_y, count, unit)
    if mean.reciprocal == "float32":
        return Mean(), requantizer([single(scale_x) / single(single(scale_y) * count)], unit, output)
    return Mean(), requantizer([scale_x / scale_y / count], unit, output)


def truncated(scale_x: Fraction, scale_y: Fraction, count: int, unit: RequantizationUnit) -> Constants:
    """The multiplier of the ratio divided by the count and truncated; see spec/units/mean.py."""
    if unit.kind != "integer":
        raise Unsupported(
            'mean.reciprocal = "truncated" needs a requantizer with a multiplier', got=unit.kind, expected="integer"
        )
    ratio = double(single(scale_x) / single(scale_y))
    multiplier, shift = multiplier_and_shift(ratio, unit.multiplier_bits, UNBOUNDED, -UNBOUNDED)
    if shift > TRUNCATED_SHIFT_MAX:
        multiplier, shift = 0, unit.multiplier_bits
    extra = min(count.bit_length() - 1, TRUNCATED_EXTRA_MAX, TRUNCATED_SHIFT_MAX - shift)
    return {
        "multiplier": np.array([(multiplier << extra) // count], np.int32),
        "shift": np.array([shift + extra], np.int8),
    }


def lower_avg_pool2d(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """The division by the window is part of the multiplier, or the unit divides by the taps inside the image."""
    (x,), output, kind = lowering.inputs(node), lowering.specs[node.name], lowering.datapath.avg_pool2d.kind
    pairs = {key: (node.integers(key)[0], node.integers(key)[1]) for key in ("kernel", "stride", "padding")}
    op = AvgPool2d(**pairs, count_include_pad=bool(node.integer("count_include_pad")))
    if kind == "folded":
        ratio = one_scale(x) / one_scale(output)
        counts = [op.taps] if op.count_include_pad else range(1, op.taps + 1)
        return op, requantizer([ratio / count for count in counts], lowering.datapath.requantizer("avg_pool2d"), output)
    same_scale(x, output, "the datapath's average pool has no multiplier")
    if any(op.padding) and op.count_include_pad:
        raise IllFormed(
            "the datapath's average pool divides by the taps inside the image, the model's by the whole window",
            got=f"padding {op.padding}",
            expected="no padding",
            next_step="choose a datapath whose avg_pool2d is folded",
        )
    return op, {}
