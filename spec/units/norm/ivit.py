"""I-ViT's I-LayerNorm: I-BERT's, with a fixed number of Newton steps from a fixed start.

sum, mean, sum_of_squares and normalized are those of centred.py, with h = 0 and f = fraction_bits:

    root            R_0 = 2^start_bits;   R_(i+1) = max(1, (R_i + floor(max(S2, 0) / R_i)) >> 1);   R = R_steps
    reciprocal      r = floor((2^(f+1) - 1) / R)
    normalized      u = ((q - a) * r) >> 1

The public code has start_bits = 16, steps = 10, f = 30, mean_rounding half_even.

This is not a root. Each step about halves an R that is far above sqrt(S2), so ten steps from 2^16 come down to
2^6 at best: S2 = 0 gives 64, S2 = 100 gives 64 instead of 10, S2 = 1000 gives 68 instead of 31, S2 = 4096
gives 83 instead of 64. Quiet and short rows come out too small; from S2 = 2^14 on R is at most a thirtieth too
large. The paper says that ten steps suffice; here they are simulated as they are. R is never below
floor(sqrt(S2)), hence |u| <= 2^f.

Source: Li and Gu, I-ViT, arXiv 2207.01405, section 3.4; zkkli/I-ViT
models/quantization_utils/quant_modules.py IntLayerNorm @ 19d8f62b. The mean and S2 / R are float32 there, exact
here; max(1, ...) is ours (a row with S2 = 0 would divide by 0 after 17 steps).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bittrue.spec.units.norm.centred import CentredNorm
from bittrue.spec.units.section import Arrays, Port, Width


class IvitNorm(CentredNorm):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = ()
    stages: ClassVar[tuple[str, ...]] = ("sum", "mean", "sum_of_squares", "root", "reciprocal", "normalized")
    row_stages: ClassVar[tuple[str, ...]] = stages[:-1]

    kind: Literal["ivit"]
    start_bits: Annotated[int, Field(strict=True, ge=1, le=31)]
    steps: Annotated[int, Field(strict=True, ge=1, le=40)]

    def check(self, where: str, codes: Width, n: int, constants: Arrays) -> None:
        """Refuse rows that the unit cannot hold."""
        self.check_row(where, codes, n, 0)

    def normalized_max(self, codes: Width, n: int, constants: Arrays) -> int:
        """R is at least |q - a| if no register overflows."""
        return 1 << self.fraction_bits if self.proved(codes, n, 0) else self.unproved_max(codes, n)

    def work(self, size: int, rows: int) -> Mapping[str, int]:
        """As I-BERT's; a Newton step is a division and an addition."""
        divide = (2 + self.steps) * rows
        return {"multiply": 2 * size, "add": 3 * size + self.steps * rows, "requantize": size, "divide": divide}
