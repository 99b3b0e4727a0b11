"""Statistics of the kinds that use the exact identity (no mean division): `exact` and `rsqrt_table`.

    (x_i - mu) / sigma = (n x_i - S1) / sqrt(n S2 - S1^2)      with S1 = sum x, S2 = sum x^2

The zero point cancels in both factors, so raw codes q are used. For a row of n codes and the constants
e (`epsilon`) and t (`pre_shift`):

    c_i = round_shift(q_i, t, rounding); q_i for t = 0
    sum             S1 = sum c                                in a register of sum_bits
    sum_of_squares  S2 = sum c*c                              in a register of sum_of_squares_bits
    variance        V  = max(1, n*S2 - S1*S1 + e)             e = round(n^2 * eps / (scale * 2^t)^2), at least 1

Everything behind uses c in the place of q. V below 1 arises only where a register overflowed.

`pre_shift` narrows codes in front of the squarer, for rows whose n*S2 would pass 63 bits (16-bit codes over a
whole map): it is the least t of 0..pre_shift_max for which n^2 * max|c|^2 (twice that, where a register may
overflow) is at most 2^62 and the largest V without e fits variance_bits; pre_shift_max if none does. Codes are
shifted, not sums: n*S2 - S1^2 stays a variance (never negative, 0 for a constant row), and the squarer narrows.

The largest V of proved registers is n^2 * (max c - min c)^2 / 4 + e: half of the codes at either end. Where a
register may overflow it is n * (largest S2 of its register) + e.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from bittrue.spec.arithmetic import code_range, round_shift
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.norm.unit import Interval, NormUnit, check_63_bits, check_one, magnitude
from bittrue.spec.units.section import Arrays, Port, Width

EPSILON = Port("epsilon", ("one",), "added to the variance n*S2 - S1*S1, at least 1")
PRE_SHIFT = Port("pre_shift", ("one",), "right shift of the codes in front of the statistics", 0)


@dataclass(frozen=True)
class RowStatistics:
    """What the statistics of any row of n codes can be."""

    codes: Interval
    """Behind the pre-shift."""
    total: Interval
    squares: Interval
    """As their registers hold them."""
    proved: bool
    """Whether neither register can overflow."""
    numerator: int
    """The largest |n*c - S1|."""
    variance: int
    """The largest V without e."""
    exact: int
    """The largest magnitude that n*S2 - S1*S1 passes through, without e."""


class IdentityNorm(NormUnit):
    """See the module docstring."""

    fraction_bits: Annotated[int, Field(strict=True, ge=4, le=30)]
    """Fraction bits of the normalized value before gamma and beta."""
    variance_bits: Annotated[int, Field(strict=True, ge=16, le=62)]
    """Width of V and, in kind "exact", of the root's operand; unsigned."""
    pre_shift_max: Annotated[int, Field(strict=True, ge=0, le=14)] = 0
    """The largest pre-shift that the unit can do."""

    def pre_shift(self, codes: Width, n: int) -> int:
        """The t of the module docstring."""
        for shift in range(self.pre_shift_max):
            found = self.statistics(codes, n, shift)
            if found.exact <= 1 << 62 and found.variance.bit_length() <= self.variance_bits:
                return shift
        return self.pre_shift_max

    def statistics(self, codes: Width, n: int, pre_shift: int) -> RowStatistics:
        """Bounds for rows of n codes, whatever the overflow rule."""
        low, high = code_range(codes.bits, codes.signed)
        if pre_shift:
            low, high = round_shift(low, pre_shift, self.rounding), round_shift(high, pre_shift, self.rounding)
        reach = max(-low, high)
        total, squares = (n * low, n * high), (0, n * reach * reach)
        held = self.held(total, self.sum_bits), self.held(squares, self.sum_of_squares_bits)
        if held == (total, squares):
            variance, numerator, exact = (n * n * (high - low) ** 2 + 3) // 4, n * (high - low), (n * reach) ** 2
        else:
            variance, numerator, exact = n * held[1][1], n * reach + magnitude(held[0]), 2 * (n * reach) ** 2
        return RowStatistics((low, high), *held, held == (total, squares), numerator, variance, exact)

    def check_row(self, where: str, codes: Width, n: int, constants: Arrays) -> RowStatistics:
        """Refuse epsilon, pre-shift and statistics that the unit cannot hold; the bounds of the others."""
        epsilon = constants["epsilon"]
        if epsilon.shape != (1,) or int(epsilon[0]) < 1:
            raise IllFormed(
                "epsilon must be one integer >= 1, or a constant row divides by zero",
                where=where,
                got=epsilon.tolist(),
                expected="[>= 1]",
            )
        shift = self.pre_shift(codes, n)
        check_one(where, "pre_shift", constants, shift, shift)
        found = self.statistics(codes, n, shift)
        self.check_statistics(where, found.total, found.squares)
        check_63_bits(where, "n * sum of squares", found.exact + int(epsilon[0]))
        bits = (found.variance + int(epsilon[0])).bit_length()
        if bits > self.variance_bits:
            raise IllFormed(
                "the variance of a row does not fit the norm unit",
                where=where,
                got=f"{bits} bits",
                expected=f"at most {self.variance_bits} bits",
                next_step="normalize narrower codes or shorter rows, or give the unit a norm.pre_shift_max",
            )
        return found

    def normalized_max(self, codes: Width, n: int, constants: Arrays) -> int:
        """|c*n - S1| <= sqrt((n-1) * V), and the root's reciprocal errs by far less than its double."""
        found = self.statistics(codes, n, self.pre_shift(codes, n))
        largest = 2 * (math.isqrt(n - 1) + 1) if found.proved else found.numerator
        return (largest << self.fraction_bits) + 1

    def normalized_scale(self, n: int) -> Fraction:
        """2**-fraction_bits."""
        return Fraction(1, 1 << self.fraction_bits)

    def stage_widths(self, codes: Width, n: int) -> Mapping[str, Width]:
        """The registers of the statistics."""
        return {**super().stage_widths(codes, n), "variance": Width(self.variance_bits, False)}

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """e is a part of V; a pre-shift is at most 14."""
        return {**super().parameter_widths, "epsilon": Width(self.variance_bits, False), "pre_shift": Width(4, False)}
