"""Integer constants of requantizers, in the narrowest storage types."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.lowering.float32 import float32_bits
from bittrue.calibration.lowering.tables import round_half_up
from bittrue.spec.arithmetic import multiplier_and_shift
from bittrue.spec.errors import IllFormed
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.requantization import RequantizationUnit

Constants = dict[str, NDArray[np.integer]]


def requantizer(ratios: Sequence[Fraction], unit: RequantizationUnit, output: TensorSpec) -> Constants:
    """What a requantizer needs for each ratio (real output codes per accumulator unit)."""
    if unit.kind == "thresholds":
        points = np.broadcast_to(output.zero_point, (max(len(ratios), len(output.zero_point)),))
        each = list(ratios) * (len(points) // len(ratios))
        return {
            "thresholds": narrow(np.stack([_thresholds(r, output, int(z)) for r, z in zip(each, points, strict=True)]))
        }
    pairs = [_scaled(ratio, unit) for ratio in ratios]
    return {
        "multiplier": np.array([m for m, _ in pairs], dtype=np.int32),
        "shift": np.array([s for _, s in pairs], dtype=np.int8),
    }


def _scaled(ratio: Fraction, unit: RequantizationUnit) -> tuple[int, int]:
    if unit.kind == "float32":
        return float32_bits(ratio), 0
    if unit.kind == "shift":
        return 1, _power_of_two_shift(ratio, unit)
    if unit.normalized:
        return multiplier_and_shift(ratio, unit.multiplier_bits, unit.shift_max, unit.shift_min)
    multiplier, shift = multiplier_and_shift(ratio, unit.multiplier_bits, 1 << 20, unit.shift_min)
    if shift <= unit.shift_max:
        return multiplier, shift
    return round_half_up(ratio * (1 << unit.shift_max)), unit.shift_max


def _power_of_two_shift(ratio: Fraction, unit: RequantizationUnit) -> int:
    shift = ratio.denominator.bit_length() - ratio.numerator.bit_length()
    exact = ratio == (Fraction(1, 1 << shift) if shift >= 0 else Fraction(1 << -shift))
    if not exact or not unit.shift_min <= shift <= unit.shift_max:
        raise IllFormed(
            "the requantizer only shifts, and this ratio of scales is no power of two that it can shift by",
            got=f"{float(ratio):.6g}",
            expected=f"2**-s with s in {unit.shift_min}..{unit.shift_max}",
            next_step='set tensors.scales = "power_of_two"; so must a factor inside the op (an attention scale)',
        )
    return shift


def _thresholds(ratio: Fraction, output: TensorSpec, zero_point: int) -> NDArray[np.int64]:
    """The least accumulator that gives each code above the lowest: rounding to nearest, ties up, as exact integers."""
    low, high = output.code_range
    half = Fraction(1, 2)
    return np.array([math.ceil((code - zero_point - half) / ratio) for code in range(low + 1, high + 1)], np.int64)


def common_shift(ratios: Sequence[Fraction], multiplier_bits: int, shift_max: int) -> tuple[list[int], int]:
    """Multipliers for several ratios that share one shift, the largest with its top bit set."""
    _, shift = multiplier_and_shift(max(ratios), multiplier_bits, shift_max)
    return [round_half_up(ratio * (1 << shift)) for ratio in ratios], shift


def narrow(values: NDArray[np.integer]) -> NDArray[np.integer]:
    """The same integers in the narrowest signed type that holds them."""
    low, high = int(values.min()), int(values.max())
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return values.astype(kind)
    return values.astype(np.int64)
