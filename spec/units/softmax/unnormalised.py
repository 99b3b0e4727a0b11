"""softmax without its division: the unit gives exponentials, whoever sums products of them divides.

    maximum       M   = max q
    output        e_i = table[M - q_i]                          table[0] = 2**exponential_bits - 1

table[d] = round(table[0] * exp(-d * scale)), as in table.py. The output is unsigned, exponential_bits wide, zero
point 0; its scale 1 / table[0] says what exp(q - M) is, not what a probability is. n * table[0] is below
2**sum_bits, or the row is refused.

A matmul or weighted_sum with divide_by_row_sum then computes, for each row of exponentials and each sum of
products A of it (its accumulator, after the overflow rule):

    row_sum       S = sum of the row's e_i                      exact, sum_bits
    reciprocal    r = floor(2**reciprocal_bits / max(S, 1))
    quotient      Q = round_shift(A * r, reciprocal_bits - fraction_bits)
    output        the requantizer on Q, which has fraction_bits more than A / S

One division a row, one multiplication more an output. No register rule makes |A| exceed v * S, v the largest
|b - z_b| of the other operand (or 2**bits - 1 where the multiplier reads it unsigned), since wrap and
saturate never raise a magnitude; hence |A * r| <= v * 2**reciprocal_bits, and |Q| <= v * 2**fraction_bits + 1.

Source: the deferred division of "online" softmax attention (Milakov and Gimelshein, arXiv 1805.02867; Dao et al.,
arXiv 2205.14135, Algorithm 1) in integers. No hardware is reproduced here: the widths are configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.section import Arrays, Port, Width
from bittrue.spec.units.softmax.table import TABLE, check_table
from bittrue.spec.units.softmax.unit import (
    ProbabilityFormat,
    SoftmaxUnit,
    VectorCounts,
    check_holds,
    check_logit_bits,
)


class UnnormalisedSoftmax(SoftmaxUnit):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = (TABLE,)
    stages: ClassVar[tuple[str, ...]] = ("maximum",)
    row_stages: ClassVar[tuple[str, ...]] = ("maximum",)

    kind: Literal["unnormalised"]
    logit_bits_max: Annotated[int, Field(strict=True, ge=2, le=12)]
    exponential_bits: Annotated[int, Field(strict=True, ge=4, le=16)]
    sum_bits: Annotated[int, Field(strict=True, ge=8, le=48)]
    reciprocal_bits: Annotated[int, Field(strict=True, ge=16, le=52)]
    fraction_bits: Annotated[int, Field(strict=True, ge=0, le=24)]
    """Fraction bits of the quotient."""
    rounding: Rounding
    """Of the quotient."""

    @model_validator(mode="after")
    def _reciprocal_keeps_precision(self) -> UnnormalisedSoftmax:
        if self.reciprocal_bits <= self.fraction_bits:
            raise ValueError("reciprocal_bits must exceed fraction_bits")
        return self

    @property
    def normalised(self) -> bool:
        """The consumer divides."""
        return False

    def output(self, n: int) -> ProbabilityFormat:
        """Unsigned exponentials, scale 1 / top."""
        top = (1 << self.exponential_bits) - 1
        return ProbabilityFormat(self.exponential_bits, False, 0, Fraction(1, top), n * top)

    def check(self, where: str, logits: Width, n: int, constants: Arrays) -> None:
        """Refuse wide logits, tables that are none of exponentials, and rows whose sum passes sum_bits."""
        super().check(where, logits, n, constants)
        check_logit_bits(where, logits, self.logit_bits_max)
        check_table(where, logits, self.exponential_bits, constants["table"])
        check_holds(where, "sum of exponentials", n * ((1 << self.exponential_bits) - 1), self.sum_bits)

    def stage_widths(self, logits: Width, n: int) -> Mapping[str, Width]:
        """The maximum is a logit."""
        return {"maximum": logits}

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """An entry of the table is an exponential."""
        return {"table": Width(self.exponential_bits, False)}

    def work(self, size: int, rows: int) -> VectorCounts:
        """Per logit a comparison, a subtraction and a table read; the division is the consumer's."""
        return {"compare": size, "add": size, "table": size}
