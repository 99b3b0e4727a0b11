"""Probabilities that are powers of two: what FQ-ViT's log-int-softmax and HyQ do with the exponentials.

    maximum, octaves z_i, polynomial p_i    as split.py says
    exponential   e_i = p_i << (halvings - z_i)
    sum           S   = sum e_i
    quotient      x_i = round(S / e_i)                 nearest, ties to even; 0 where e_i = 0
    log2          k_i = floor(log2 x_i), + 1 if 2 * x_i >= 3 * 2**floor(log2 x_i)
                        last + 1 where it is more, or where e_i = 0           last = 2**code_bits - 1
    output        y_i = 2**(last - k_i);  0 for k_i = last + 1

k_i is the code of code_bits bits that the source's attention shifts by, v * p = v >> k; a program multiplies
instead, which is the same without the shift's floor: the output is unsigned, 2**code_bits bits wide (16 for 4),
scale 2**-last, a power of two or 0. past_the_end = "zero": as above, as the released codes do, whose 0 is a
value more than code_bits can hold; "last": k_i = last in its place, as the paper's clip says.

2 * x_i < 3 * 2**k_i and S / e_i <= x_i + 1/2, hence 2**-k_i <= 3/2 * e_i / S: the codes of a row sum to at most
3 * 2**(last - 1) (and n more with "last").
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bittrue.spec.units.section import Arrays, Width
from bittrue.spec.units.softmax.split import SplitExponential
from bittrue.spec.units.softmax.unit import ProbabilityFormat, VectorCounts, check_holds, values_of


class Log2Softmax(SplitExponential):
    """Base of the kinds; see the module docstring."""

    stages: ClassVar[tuple[str, ...]] = (
        "maximum", "octaves", "polynomial", "exponential", "sum", "quotient", "log2",
    )  # fmt: skip
    row_stages: ClassVar[tuple[str, ...]] = ("maximum", "sum")

    code_bits: Annotated[int, Field(strict=True, ge=2, le=4)]
    past_the_end: Literal["zero", "last"]

    @property
    def last(self) -> int:
        """The largest exponent of a probability that is not 0."""
        return (1 << self.code_bits) - 1

    def output(self, n: int) -> ProbabilityFormat:
        """Unsigned, a power of two or 0, scale 2**-last."""
        most = (3 << (self.last - 1)) + (n if self.past_the_end == "last" else 0)
        return ProbabilityFormat(self.last + 1, False, 0, Fraction(1, 1 << self.last), most)

    def check(self, where: str, logits: Width, n: int, constants: Arrays) -> None:
        """Refuse sums that pass 62 bits."""
        super().check(where, logits, n, constants)
        for (largest,) in values_of(constants, self.at_zero):
            check_holds(where, "sum of exponentials", n * (largest << self.halvings), 62)

    def stage_widths(self, logits: Width, n: int) -> Mapping[str, Width]:
        """The maximum is a logit; log2 has one value more than a code."""
        return {
            "maximum": logits,
            "octaves": Width(self.halvings.bit_length(), False),
            "log2": Width(self.code_bits + 1, False),
        }

    def work(self, size: int, rows: int) -> VectorCounts:
        """Per logit two divisions, the polynomial's products and additions, a comparison for the maximum."""
        products = len(self.parameters) - 1
        return {"compare": 2 * size, "multiply": products * size, "add": (3 + products) * size, "divide": 2 * size}
