"""Statistics of the kinds that subtract a rounded integer mean first: `ibert` and `ivit`.

For a row of n codes q and the constant h (`variance_shift`, 0 where the kind has none):

    sum             S1 = sum q                                        in a register of sum_bits
    mean            a  = S1 / n, S1 as its register holds it, rounded to an integer by mean_rounding
    sum_of_squares  S2 = sum ((q - a) >> h)^2                         in a register of sum_of_squares_bits
    root            R                                                 by the kind, from max(S2, 0)
    reciprocal      r                                                 by the kind, from R
    normalized      u  = ((q - a) * r) >> 1

with arithmetic (floor) shifts. S2 below 0 arises only where its register wrapped. The zero point of the codes
cancels, but for ties of S1 / n under half_even and half_away, which look at the raw mean.

R stands for sqrt(n) * deviation, so u = (x - mean) / deviation * 2^fraction_bits / sqrt(n): the factor sqrt(n)
is part of the output's scale and is folded into gamma (the papers do the same; for them fraction_bits is 30).
Neither kind adds an epsilon. The papers' code adds floor(beta / gamma) to u before gamma multiplies, which has
no meaning for gamma = 0; here beta follows gamma (affine.py).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Annotated

from pydantic import Field, field_validator

from bittrue.spec.arithmetic import Rounding, code_range
from bittrue.spec.units.norm.unit import Interval, NormUnit, check_63_bits, magnitude
from bittrue.spec.units.section import Width

ROOT_PLACES = 80


class CentredNorm(NormUnit):
    """See the module docstring."""

    fraction_bits: Annotated[int, Field(strict=True, ge=4, le=30)]
    """Fraction bits of the normalized value, in units of sqrt(n) deviations."""
    mean_rounding: Rounding
    """How S1 / n becomes an integer; the papers' code rounds half to even."""

    @field_validator("mean_rounding")
    @classmethod
    def _is_no_rule_of_shifts(cls, rule: Rounding) -> Rounding:
        if rule is Rounding.TOSA_DOUBLE:
            raise ValueError("tosa_double is a rule for shifts, not for a division")
        return rule

    def centred_max(self, codes: Width, n: int) -> int:
        """The largest |q - a|."""
        low, high = code_range(codes.bits, codes.signed)
        total = self.held((n * low, n * high), self.sum_bits)
        if total == (n * low, n * high):
            return high - low
        return max(-low, high) + magnitude(total) // n + 1

    def squares(self, codes: Width, n: int, variance_shift: int) -> Interval:
        """What the exact sum of squares of a row can be."""
        low, high = code_range(codes.bits, codes.signed)
        reach = self.centred_max(codes, n)
        if variance_shift == 0 and reach == high - low:
            # n times the variance, at most a fourth of the squared range, and n times the mean's rounding error.
            return 0, n * (high - low) ** 2 // 4 + n
        return 0, n * (-(-reach >> variance_shift)) ** 2

    def proved(self, codes: Width, n: int, variance_shift: int) -> bool:
        """Whether no statistics register can overflow."""
        low, high = code_range(codes.bits, codes.signed)
        total, squares = (n * low, n * high), self.squares(codes, n, variance_shift)
        return self.held(total, self.sum_bits) == total and self.held(squares, self.sum_of_squares_bits) == squares

    def check_row(self, where: str, codes: Width, n: int, variance_shift: int) -> None:
        """Refuse sums and products that the unit cannot hold."""
        low, high = code_range(codes.bits, codes.signed)
        squares = self.squares(codes, n, variance_shift)
        self.check_statistics(where, (n * low, n * high), squares)
        check_63_bits(where, "sum of squares", 2 * squares[1])
        check_63_bits(where, "product with the reciprocal", 2 * self.unproved_max(codes, n))

    def unproved_max(self, codes: Width, n: int) -> int:
        """The largest |normalized| whatever the registers hold: R is at least 1."""
        return self.centred_max(codes, n) << self.fraction_bits

    def normalized_scale(self, n: int) -> Fraction:
        """sqrt(n) * 2**-fraction_bits, its root to 2**-ROOT_PLACES."""
        return Fraction(math.isqrt(n << (2 * ROOT_PLACES)), 1 << (ROOT_PLACES + self.fraction_bits))
