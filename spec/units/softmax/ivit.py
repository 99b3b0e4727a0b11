"""softmax of I-ViT (Shiftmax): shifts and adds, one floor reciprocal a row.

    maximum       M   = max q;   x_i = q_i - M
    times_log2e   t_i = max(x_i + (x_i >> 1) - (x_i >> 4), -halvings * octave)      x * 1.4375 for x * log2(e)
    octaves       z_i = floor(-t_i / octave);   r_i = t_i + z_i * octave            -octave < r_i <= 0
    exponential   e_i = ((2 * octave + r_i) << (halvings - z_i)) >> 1
    sum           S   = min(sum e_i, 2**sum_bits - 1)
    reciprocal    r   = floor((2**sum_bits - 1) / S)
    output        y_i = (e_i * r) >> (sum_bits + 1 - output_bits)

The exponential is (octave + r_i / 2) * 2**(halvings - z_i), exactly: r_i = 0 where z_i = halvings. `octave` is 1 in
logit steps, ceil(1 / S) for the scale S of the logits: an octave of 2**t. The output is signed, output_bits wide,
zero point 0, scale 2**-(output_bits - 1), its codes not negative: every exponential is below 2**sum_bits, so that a
code is at most 2**(output_bits - 1) - 1.

The register saturates after every addition, which gives the same S; the exact sum need not fit 63 bits.
The source's `clamp_max_` saturates a sum that passes 31 bits; the codes of such a row may sum to anything.
sum_overflow = "refuse" excludes it for any data (n * (octave << halvings) < 2**sum_bits): then the codes of a
row sum to at most 2**(output_bits - 1). The released code has halvings = 15, sum_bits = 31, output_bits = 8 and
saturates.

Source: Li and Gu, I-ViT, arXiv 2207.01405, Algorithm 1 (Shiftmax), and zkkli/I-ViT
models/quantization_utils/quant_modules.py, IntSoftmax.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bittrue.spec.units.section import Arrays, Port, Width
from bittrue.spec.units.softmax.unit import (
    A_ROW,
    ProbabilityFormat,
    SoftmaxUnit,
    VectorCounts,
    check_holds,
    check_logit_bits,
    check_values,
    values_of,
)


class IvitSoftmax(SoftmaxUnit):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = (Port("octave", A_ROW, "1 / scale of the logits"),)
    stages: ClassVar[tuple[str, ...]] = ("maximum", "times_log2e", "octaves", "exponential", "sum", "reciprocal")
    row_stages: ClassVar[tuple[str, ...]] = ("maximum", "sum", "reciprocal")

    kind: Literal["ivit"]
    logit_bits_max: Annotated[int, Field(strict=True, ge=2, le=16)]
    halvings: Annotated[int, Field(strict=True, ge=1, le=40)]
    sum_bits: Annotated[int, Field(strict=True, ge=16, le=62)]
    sum_overflow: Literal["saturate", "refuse"]
    output_bits: Annotated[int, Field(strict=True, ge=4, le=16)]

    @model_validator(mode="after")
    def _product_fits(self) -> IvitSoftmax:
        if self.output_bits > self.sum_bits:
            raise ValueError("output_bits must not exceed sum_bits")
        return self

    def output(self, n: int) -> ProbabilityFormat:
        """Signed, scale 2**-(output_bits - 1)."""
        one = 1 << (self.output_bits - 1)
        total = one if self.sum_overflow == "refuse" else n * (one - 1)
        return ProbabilityFormat(self.output_bits, True, 0, Fraction(1, one), total)

    def check(self, where: str, logits: Width, n: int, constants: Arrays) -> None:
        """Refuse exponentials, and with sum_overflow = "refuse" sums, that pass sum_bits."""
        super().check(where, logits, n, constants)
        check_logit_bits(where, logits, self.logit_bits_max)
        check_values(where, constants, "octave", 1, (1 << 31) - 1)
        for (octave,) in values_of(constants, "octave"):
            check_holds(where, "exponential", octave << self.halvings, self.sum_bits)
            if self.sum_overflow == "refuse":
                check_holds(where, "sum of exponentials", n * (octave << self.halvings), self.sum_bits)

    def stage_widths(self, logits: Width, n: int) -> Mapping[str, Width]:
        """The maximum is a logit; sum and reciprocal are not negative."""
        of_row = Width(self.sum_bits, False)
        return {
            "maximum": logits,
            "octaves": Width(self.halvings.bit_length(), False),
            "exponential": of_row,
            "sum": of_row,
            "reciprocal": of_row,
        }

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """As wide as `check` admits it."""
        return {"octave": Width(31, False)}

    def work(self, size: int, rows: int) -> VectorCounts:
        """Per logit shifts and additions, a division by the octave and the last product; per row a division."""
        return {"compare": 2 * size, "add": 5 * size, "requantize": size, "divide": size + rows}
