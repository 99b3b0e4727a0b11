"""The exponential of I-BERT, FQ-ViT and HyQ: whole octaves by a shift, the rest by a polynomial.

    maximum       M   = max q
    distance      d_i = min(M - q_i, halvings * octave)
    octaves       z_i = floor(d_i / octave);   r_i = d_i - z_i * octave           0 <= r_i < octave
    polynomial    p_i = max(f(r_i), 0),        exp(-scale * d_i) ~ p_i * 2**-z_i / p(0)

`octave` is ln 2 in logit steps: minus I-BERT's x0. With coefficients a2, a1, a0 and the logits' scale S the
polynomial a2*x**2 + a1*x + a0 of x = -S * r becomes f(r) = c - r * (b - r) with b = floor(a1 / a2 / S) and
c = floor(a0 / a2 / S**2); the line a1*x + a0 becomes f(r) = b - r with b = floor(a0 / a1 / S). Constant
factors cancel in the softmax. `octave` exceeds b by at most 1, so that f falls and p_i <= f(0).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Arrays, Port, Width
from bittrue.spec.units.softmax.unit import A_ROW, SoftmaxUnit, check_logit_bits, check_values, values_of

OCTAVE = Port("octave", A_ROW, "ln 2 in logit steps")
QUADRATIC = (
    OCTAVE,
    Port("b", A_ROW, "linear coefficient in logit steps"),
    Port("c", A_ROW, "constant coefficient in squared logit steps"),
)
LINEAR = (OCTAVE, Port("b", A_ROW, "constant coefficient of the line in logit steps"))
FACTOR_MAX = (1 << 31) - 1
"""octave and b fit 31 bits, so that r * (b - r) fits 62."""


class SplitExponential(SoftmaxUnit):
    """Base of the kinds; see the module docstring."""

    at_zero: ClassVar[str]
    """The parameter that is the polynomial's value at 0, its largest."""

    logit_bits_max: Annotated[int, Field(strict=True, ge=2, le=16)]
    halvings: Annotated[int, Field(strict=True, ge=1, le=40)]
    """Farther than so many octaves all distances are the same; 30 in the sources."""

    def check(self, where: str, logits: Width, n: int, constants: Arrays) -> None:
        """Refuse wide logits and coefficients whose polynomial does not fall from its value at 0."""
        super().check(where, logits, n, constants)
        check_logit_bits(where, logits, self.logit_bits_max)
        check_values(where, constants, "octave", 1, FACTOR_MAX)
        check_values(where, constants, "b", 1, FACTOR_MAX)
        check_values(where, constants, self.at_zero, 1, (1 << 62) - 1)
        for octave, b in values_of(constants, "octave", "b"):
            if b < octave - 1:
                raise IllFormed(
                    "the polynomial of the exponential does not fall over an octave",
                    where=where,
                    got=f"octave {octave}, b {b}",
                    expected="b >= octave - 1",
                )
