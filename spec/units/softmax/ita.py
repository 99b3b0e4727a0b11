"""softmax of ITA: base 2, one pass over groups of logits with a running maximum, one division a row.

    dist(a)       = (a >> octave_shift) + bit octave_shift - 1 of a              a itself for octave_shift = 0
    for each group g of group_width logits, in order (the last may be shorter):
        maximum_g   = max(maximum_(g-1), max of the group)                       without maximum_(-1) for g = 0
        part        = sum over the group of (one >> dist(maximum_g - q_i))       one = 2**exponential_bits
        sum_g       = part + (sum_(g-1) >> dist(maximum_g - maximum_(g-1)))      part alone for g = 0
    maximum, sum  M, S  = those of the last group
    reciprocal    r     = floor((2**output_bits - 1) * one / S)
    output        y_i   = r >> dist(M - q_i)

A shift by more than 62 gives 0. The result depends on the order and the width of the groups, because the
running sum is floored whenever the maximum rises. S >= one, so that r < 2**output_bits. S needs sum_bits
(19 in the source, divider 20): n * one < 2**sum_bits, or the row is refused. A row of 2**output_bits or more
equal logits gives r = 0: all its codes are 0.

The unit takes no constants: 2**octave_shift logit steps are a factor of two, so that the logits must have the
scale ln 2 / 2**octave_shift (`logits_scale`). The output is unsigned, output_bits wide, scale
1 / (2**output_bits - 1). With octave_shift = 0 its codes sum to at most 2**output_bits - 1: the floors of the
running sum are at most those of the codes, so sum (one >> dist(M - q_i)) <= S, and y_i <= r * (one >> dist_i) /
one. With a rounded dist nothing is proved beyond n codes.

Source: pulp-platform/ITA@ba96519, ita_softmax.sv and ita_package.sv (octave_shift = 0, group_width = 16, 19-bit
sum, 65280 = 255 * 256 over it); later commits shift by 5 and round that.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bittrue.spec.units.section import Arrays, Port, Width
from bittrue.spec.units.softmax.unit import (
    ProbabilityFormat,
    SoftmaxUnit,
    VectorCounts,
    check_holds,
    check_logit_bits,
)

LN2 = Fraction("0.693147180559945309417232121458176568")


class ItaSoftmax(SoftmaxUnit):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = ()
    stages: ClassVar[tuple[str, ...]] = ("maximum", "sum", "reciprocal")
    row_stages: ClassVar[tuple[str, ...]] = ("maximum", "sum", "reciprocal")

    kind: Literal["ita"]
    logit_bits_max: Annotated[int, Field(strict=True, ge=2, le=16)]
    group_width: Annotated[int, Field(strict=True, ge=1, le=65536)]
    octave_shift: Annotated[int, Field(strict=True, ge=0, le=12)]
    exponential_bits: Annotated[int, Field(strict=True, ge=4, le=24)]
    sum_bits: Annotated[int, Field(strict=True, ge=8, le=48)]
    output_bits: Annotated[int, Field(strict=True, ge=4, le=16)]

    @model_validator(mode="after")
    def _exponentials_reach_the_output(self) -> ItaSoftmax:
        if self.output_bits > self.exponential_bits:
            raise ValueError("output_bits must not exceed exponential_bits")
        return self

    @property
    def logits_scale(self) -> Fraction:
        """ln 2 / 2**octave_shift."""
        return LN2 / (1 << self.octave_shift)

    def output(self, n: int) -> ProbabilityFormat:
        """Unsigned, scale 1 / (2**output_bits - 1)."""
        top = (1 << self.output_bits) - 1
        return ProbabilityFormat(self.output_bits, False, 0, Fraction(1, top), n * top if self.octave_shift else top)

    def check(self, where: str, logits: Width, n: int, constants: Arrays) -> None:
        """Refuse rows whose sum passes sum_bits."""
        super().check(where, logits, n, constants)
        check_logit_bits(where, logits, self.logit_bits_max)
        check_holds(where, "sum of exponentials", n << self.exponential_bits, self.sum_bits)

    def stage_widths(self, logits: Width, n: int) -> Mapping[str, Width]:
        """The maximum is a logit, the reciprocal a code."""
        return {
            "maximum": logits,
            "sum": Width(self.sum_bits, False),
            "reciprocal": Width(self.output_bits, False),
        }

    def work(self, size: int, rows: int) -> VectorCounts:
        """Per logit a comparison, two subtractions with their shifts, an addition; per row a division."""
        return {"compare": size, "add": 3 * size, "divide": rows}
