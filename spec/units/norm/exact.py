"""The exact integer identity with a floor integer root: the default of `iot_npu`.

sum, sum_of_squares and variance V are those of identity.py. With the constants k (`root_shift`) and
p (`reciprocal_bits`) and f = fraction_bits:

    root            R  = floor(sqrt(V << 2k))
    reciprocal      r  = floor(2^p / R)
    normalized      u  = round_shift((n*c - S1) * r, p - k - f, rounding)      f fraction bits

k is the largest for which the largest V, shifted by 2k, stays below 2**variance_bits; p the largest up to 62
for which (n*c - S1) * r stays below 2**62. For proved registers |n*c - S1| <= sqrt((n-1) * V), hence
|(n*c - S1) * r| <= sqrt(n-1) * 2^(p-k) * (1 + 2^-k): p = min(62, 62 + k - g), 2^(g-2) <= sqrt(n-1) < 2^(g-1).
Where a register may overflow R >= 2^k alone holds: p = min(62, 62 + k - bits of the largest |n*c - S1|).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

from bittrue.spec.errors import IllFormed
from bittrue.spec.units.norm.identity import EPSILON, PRE_SHIFT, IdentityNorm, RowStatistics
from bittrue.spec.units.section import Arrays, Port, Width


class ExactNorm(IdentityNorm):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = (
        EPSILON,
        PRE_SHIFT,
        Port("root_shift", ("one",), "k: half of the left shift in front of the root"),
        Port("reciprocal_bits", ("one",), "p: the reciprocal is floor(2**p / root)"),
    )
    stages: ClassVar[tuple[str, ...]] = ("sum", "sum_of_squares", "variance", "root", "reciprocal", "normalized")
    row_stages: ClassVar[tuple[str, ...]] = stages[:-1]

    kind: Literal["exact"]

    def root_shift_and_reciprocal_bits(self, codes: Width, n: int, epsilon: int) -> tuple[int, int]:
        """The k and p of the module docstring; the variance must fit."""
        return self._shifts(self.statistics(codes, n, self.pre_shift(codes, n)), n, epsilon)

    def _shifts(self, row: RowStatistics, n: int, epsilon: int) -> tuple[int, int]:
        root_shift = (self.variance_bits - (row.variance + epsilon).bit_length()) // 2
        # sqrt(n-1) < 2**(growth-1); one more for (1 + 2^-k)
        growth = math.isqrt(n - 1).bit_length() + 1 if row.proved else row.numerator.bit_length()
        return root_shift, min(62, 62 + root_shift - growth)

    def check(self, where: str, codes: Width, n: int, constants: Arrays) -> None:
        """Refuse what the statistics refuse, other shifts than the row's, and too few bits for the fraction."""
        row = self.check_row(where, codes, n, constants)
        expected = self._shifts(row, n, int(constants["epsilon"][0]))
        got = [constants[name].tolist() for name in ("root_shift", "reciprocal_bits")]
        if got != [[value] for value in expected]:
            raise IllFormed(
                "root_shift and reciprocal_bits are not the norm unit's for this row",
                where=where,
                got=got,
                expected=expected,
                next_step="lower the plan again",
            )
        root_shift, reciprocal_bits = expected
        if reciprocal_bits - root_shift - self.fraction_bits < 1:
            raise IllFormed(
                "the row is too long for the norm unit's fraction bits",
                where=where,
                got=f"p - k - f = {reciprocal_bits - root_shift - self.fraction_bits}",
                expected=">= 1",
            )

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """k is at most 30, p at most 62."""
        return {**super().parameter_widths, "root_shift": Width(5, False), "reciprocal_bits": Width(6, False)}

    def work(self, size: int, rows: int) -> Mapping[str, int]:
        """Statistics: a square and two additions an element. Apply: n*c, the reciprocal, gamma and two
        roundings. A row: one root, one division."""
        return {"multiply": 2 * size, "add": 3 * size, "requantize": 2 * size, "root": rows, "divide": rows}
