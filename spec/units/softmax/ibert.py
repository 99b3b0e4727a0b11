"""softmax of I-BERT: a quadratic on one octave, exponentials of 16 bits, a floor reciprocal a row.

    maximum, octaves z_i, polynomial p_i   as split.py says, with f(r) = c - r * (b - r)
    exponential   e_i = min(round_shift(p_i * multiplier, shift + z_i), top)        top = 2**(exponential_bits - 1) - 1
    sum           S   = sum e_i
    reciprocal    r   = floor(2**reciprocal_bits / S)
    output        y_i = min(floor(e_i * r / 2**(reciprocal_bits - output_bits)), 2**output_bits - 1)

round_shift by more than 62 gives 0. The source forms p_i << (halvings - z_i) and rescales that to a signed
16-bit number by an activation quantizer whose range is its maximum, c << halvings; one multiplier and one
shift do both, exactly: multiplier / 2**shift = top / c. The source rounds there half to even (in float64,
not exact for wide products); every other division floors.

The output is unsigned, output_bits wide, scale 2**-output_bits. e_i * r <= 2**reciprocal_bits, because e_i <= S,
and the codes of a row sum to at most 2**output_bits. The minimum bites only where a single exponential is the
whole sum and a power of two, which top is not.

Coefficients 0.35815147*x**2 + 0.96963238*x + 1, ln 2 = 0.6931: octave = ceil(0.6931 / S), b = floor(0.96963238 /
0.35815147 / S), c = floor(1 / 0.35815147 / S**2). The paper writes the same polynomial as 0.3585*(x + 1.353)**2 +
0.344 and floor(ln2 / S); here the released code is followed. It has halvings = 30, exponential_bits = 16,
reciprocal_bits = 32, output_bits = 8.

Source: Kim et al., I-BERT, arXiv 2101.01321, Algorithms 2 and 3, and kssteven418/I-BERT
fairseq/quantization/utils/quant_modules.py, IntSoftmax.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Arrays, Port, Width
from bittrue.spec.units.softmax.split import QUADRATIC, SplitExponential
from bittrue.spec.units.softmax.unit import (
    A_ROW,
    ProbabilityFormat,
    VectorCounts,
    check_holds,
    check_values,
    values_of,
)


class IbertSoftmax(SplitExponential):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = (
        *QUADRATIC,
        Port("multiplier", A_ROW, "of the polynomial's value to an exponential"),
        Port("shift", A_ROW, "right shift behind it, 1 .. 62"),
    )
    stages: ClassVar[tuple[str, ...]] = ("maximum", "octaves", "polynomial", "exponential", "sum", "reciprocal")
    row_stages: ClassVar[tuple[str, ...]] = ("maximum", "sum", "reciprocal")
    at_zero: ClassVar[str] = "c"

    kind: Literal["ibert"]
    multiplier_bits: Annotated[int, Field(strict=True, ge=8, le=31)]
    exponential_bits: Annotated[int, Field(strict=True, ge=4, le=16)]
    """Sign included, as the source's activation quantizer counts them."""
    reciprocal_bits: Annotated[int, Field(strict=True, ge=16, le=62)]
    output_bits: Annotated[int, Field(strict=True, ge=4, le=16)]
    rounding: Rounding
    """Of the exponential; "half_even" in the source."""

    @model_validator(mode="after")
    def _reciprocal_keeps_precision(self) -> IbertSoftmax:
        if self.reciprocal_bits <= self.output_bits:
            raise ValueError("reciprocal_bits must exceed output_bits")
        return self

    @property
    def exponential_max(self) -> int:
        """The largest exponential."""
        return (1 << (self.exponential_bits - 1)) - 1

    def output(self, n: int) -> ProbabilityFormat:
        """Unsigned, scale 2**-output_bits."""
        one = 1 << self.output_bits
        return ProbabilityFormat(self.output_bits, False, 0, Fraction(1, one), one)

    def check(self, where: str, logits: Width, n: int, constants: Arrays) -> None:
        """Refuse coefficients whose products pass 62 bits or whose largest exponential is 0, and long sums."""
        super().check(where, logits, n, constants)
        check_values(where, constants, "multiplier", 1, (1 << self.multiplier_bits) - 1)
        check_values(where, constants, "shift", 1, 62)
        for c, multiplier, shift in values_of(constants, "c", "multiplier", "shift"):
            check_holds(where, "scaled polynomial", c * multiplier, 62)
            if (c * multiplier) >> shift < 1:
                raise IllFormed(
                    "the exponential of the largest logit is 0",
                    where=where,
                    got=f"{c} * {multiplier} / 2**{shift}",
                    expected="at least 1",
                )
        check_holds(where, "sum of exponentials", n * self.exponential_max, self.reciprocal_bits)

    def stage_widths(self, logits: Width, n: int) -> Mapping[str, Width]:
        """The maximum is a logit; exponentials are positive."""
        return {
            "maximum": logits,
            "octaves": Width(self.halvings.bit_length(), False),
            "exponential": Width(self.exponential_bits - 1, False),
            "sum": Width((n * self.exponential_max).bit_length(), False),
        }

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """Coefficients as wide as `check` admits them."""
        return {
            "octave": Width(31, False),
            "b": Width(31, False),
            "c": Width(62, False),
            "multiplier": Width(self.multiplier_bits, False),
            "shift": Width(6, False),
        }

    def work(self, size: int, rows: int) -> VectorCounts:
        """Per logit a division by the octave, two products, two requantizations; per row a division."""
        return {
            "compare": 2 * size,
            "multiply": 2 * size,
            "add": 4 * size,
            "requantize": 2 * size,
            "divide": size + rows,
        }
