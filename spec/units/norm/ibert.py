"""I-BERT's integer LayerNorm: rounded integer mean, floor root by Newton's iteration, one division a row.

sum, mean, sum_of_squares and normalized are those of centred.py, with h = variance_shift and f = fraction_bits:

    root            R = max(1, floor(sqrt(max(S2, 0))))
    reciprocal      r = floor(2^(f+1) / (R << h))
    normalized      u = ((q - a) * r) >> 1

The root is the paper's algorithm 4: x = 2^ceil(bits(S2) / 2), then x' = floor((x + floor(S2 / x)) / 2) until
x' >= x. It ends at the exact floor for every S2 >= 1, so how a unit computes it does not matter.
`variance_shift` keeps S2 in its register; lowering takes the least that is proved (0 where overflow is allowed).
The public code finds it from data in training, and keeps S2 below 2^32: sum_of_squares_bits = 33 here.

Source: Kim et al., I-BERT, arXiv 2101.01321, section 3.6 and algorithm 4; kssteven418/I-BERT
fairseq/quantization/utils/quant_modules.py IntLayerNorm @ 22e5b9b1 (f = 30, mean_rounding half_even).
Where they leave the integers: the mean is a float32 there, exact here; the code divides 2^31 by std + 0.0001
against a constant row, which lowers r by one where R is a small power of two; here, as in the paper, it does
not, and R is held at 1 (a constant row has q - a = 0 whatever R is).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from bittrue.spec.arithmetic import signed_bits
from bittrue.spec.units.norm.centred import CentredNorm
from bittrue.spec.units.norm.unit import check_one
from bittrue.spec.units.section import Arrays, Port, Width

VARIANCE_SHIFT_MAX = 16


class IbertNorm(CentredNorm):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = (
        Port("variance_shift", ("one",), "h: right shift of the centred codes in front of the squarer", 0),
    )
    stages: ClassVar[tuple[str, ...]] = ("sum", "mean", "sum_of_squares", "root", "reciprocal", "normalized")
    row_stages: ClassVar[tuple[str, ...]] = stages[:-1]

    kind: Literal["ibert"]

    def least_variance_shift(self, codes: Width, n: int) -> int:
        """The least shift for which the sum of squares is proved to fit; 0 where overflow is simulated."""
        if self.statistics_overflow != "refuse":
            return 0
        for shift in range(VARIANCE_SHIFT_MAX):
            if signed_bits(*self.squares(codes, n, shift)) <= self.sum_of_squares_bits:
                return shift
        return VARIANCE_SHIFT_MAX

    def check(self, where: str, codes: Width, n: int, constants: Arrays) -> None:
        """Refuse shifts and rows that the unit cannot hold."""
        shift = check_one(where, "variance_shift", constants, 0, VARIANCE_SHIFT_MAX)
        self.check_row(where, codes, n, shift)

    def normalized_max(self, codes: Width, n: int, constants: Arrays) -> int:
        """R << h is at least |q - a|, or half of it where h is not 0, if no register overflows."""
        shift = int(constants["variance_shift"][0])
        if not self.proved(codes, n, shift):
            return self.unproved_max(codes, n)
        return (2 if shift else 1) << self.fraction_bits

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """0..16."""
        return {**super().parameter_widths, "variance_shift": Width(5, False)}

    def work(self, size: int, rows: int) -> Mapping[str, int]:
        """An element: two sums, the mean's subtraction, a square, the reciprocal's product, gamma. A row: the
        mean's division, the root, the reciprocal."""
        return {"multiply": 2 * size, "add": 3 * size, "requantize": size, "root": rows, "divide": 2 * rows}
