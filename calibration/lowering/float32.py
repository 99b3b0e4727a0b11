"""Exact rationals to IEEE-754 float32, as bits; without a float on the way that could round twice."""

from __future__ import annotations

from fractions import Fraction

from bittrue.spec.errors import IllFormed

FRACTION_BITS = 23
BIAS = 127


def float32_bits(value: Fraction) -> int:
    """The bits of the float32 nearest to a positive rational, ties to even (IEEE 754-2019, 4.3.1).

    Raises IllFormed outside the normal numbers, which no requantization scale should leave.
    """
    exponent = value.numerator.bit_length() - value.denominator.bit_length() if value > 0 else 0
    if value > 0 and value < Fraction(2) ** exponent:
        exponent -= 1
    significand = value / Fraction(2) ** (exponent - FRACTION_BITS)
    nearest = round(significand)  # Fraction rounds half to even
    if nearest == 1 << (FRACTION_BITS + 1):
        nearest, exponent = nearest >> 1, exponent + 1
    if value <= 0 or not 1 - BIAS <= exponent <= BIAS:
        raise IllFormed(
            "a scale is no normal float32", got=f"{float(value):.6g}", expected="2**-126 up to below 2**128"
        )
    return ((exponent + BIAS) << FRACTION_BITS) + nearest - (1 << FRACTION_BITS)
