"""Three requantizers in sequence; see spec/units/add/rescale.py."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.ieee import double, single
from bittrue.calibration.lowering.mac import one_scale
from bittrue.spec.arithmetic import multiplier_and_shift
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.add import RescaleAdd

NARROW_BITS = 8
UNBOUNDED = 1 << 20
"""No scales that fit a float64 need a shift of so many bits."""


def constants(unit: RescaleAdd, a: TensorSpec, b: TensorSpec, output: TensorSpec) -> Constants:
    """`left_shift` int8, and a multiplier int32 and a shift int8 for a, for b and for the sum."""
    wide = max(a.bits, b.bits) > NARROW_BITS
    lift = unit.wide_fraction_bits if wide else unit.fraction_bits
    scale_a, scale_b, scale_y = (single(one_scale(spec)) for spec in (a, b, output))
    twice = 2 * max(scale_a, scale_b)
    factor = 1 if unit.lift == "operand" else 1 << lift
    ratios = {
        "_a": double(scale_a / twice) * factor,
        "_b": double(scale_b / twice) * factor,
        "": double(twice / ((1 << lift) * scale_y)),
    }
    found: Constants = {"left_shift": np.array([lift if unit.lift == "operand" else 0], np.int8)}
    for name, ratio in ratios.items():
        multiplier, shift = quantized(ratio, unit)
        found[f"multiplier{name}"] = np.array([multiplier], np.int32)
        found[f"shift{name}"] = np.array([shift], np.int8)
    return found


def quantized(ratio: Fraction, unit: RescaleAdd) -> tuple[int, int]:
    """A ratio as multiplier and right shift; a ratio past the longest shift counts as 0."""
    multiplier, shift = multiplier_and_shift(ratio, 31, UNBOUNDED, unit.shift_min)
    return (multiplier, shift) if shift <= unit.shift_max else (0, 31)
