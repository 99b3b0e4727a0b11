"""What one IEEE-754 operation makes of an exact rational, for constants that a runtime computes in floating point."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bittrue.calibration.lowering.float32 import float32_bits


def single(value: Fraction) -> Fraction:
    """The float32 nearest to a positive rational; IllFormed outside the normal numbers."""
    return Fraction(float(np.array(float32_bits(value), np.int32).view(np.float32)))


def quotient(product: tuple[Fraction, Fraction], divisor: Fraction, arithmetic: str) -> Fraction:
    """product[0] * product[1] / divisor of three scales: "exact", or of float32 scales with each of the two
    operations rounded to "float32" or "float64"."""
    if arithmetic == "exact":
        return product[0] * product[1] / divisor
    rounded = single if arithmetic == "float32" else double
    return rounded(rounded(single(product[0]) * single(product[1])) / single(divisor))


def double(value: Fraction) -> Fraction:
    """The float64 nearest to a rational: Python divides integers with one correct rounding."""
    return Fraction(value.numerator / value.denominator)
