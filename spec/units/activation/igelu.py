"""gelu by I-BERT's polynomial for erf: i-GELU.

    x       = q - input_zero_point
    clipped = min(|x|, -b)
    erf     = floor(sgn(x) * ((clipped + b)**2 + c) / 2**erf_shift)
    output  = -(x * (erf + one))                                to the requantizer

b, c and one are negative constants: with s' = s_in / 1.4142 and s_erf = -0.2888 * s'**2 * 2**erf_shift they are
b = floor(-1.769 / s'), c = floor(-1 / 0.2888 / s'**2), one = floor(1 / s_erf), the coefficients taken as the decimal
numbers that they are. erf has the scale s_erf, which is negative, x * (erf + one) the scale s_in * s_erf / 2; the
unit changes the sign, so that the requantizer's multiplier is positive. The rest is I-BERT's own integers.

Source: I-BERT (arXiv 2101.01321), equation 8 and algorithm 2; kssteven418/I-BERT @ 22e5b9b, IntGELU, where erf_shift
is 14, for inputs on an accumulator's fine scale. On 8-bit codes 14 bits would leave nothing of erf: take 0.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bittrue.spec.units.activation.unit import (
    INPUT_ZERO_POINT,
    ActivationUnit,
    Function,
    VectorCounts,
    check_int64,
    check_range,
    largest,
)
from bittrue.spec.units.section import Arrays, Port, Width


class IGelu(ActivationUnit):
    """See the module docstring."""

    requantizes: ClassVar[bool] = True
    functions: ClassVar[tuple[Function, ...]] = ("gelu",)
    formats: ClassVar[tuple[Port, ...]] = (INPUT_ZERO_POINT,)
    parameters: ClassVar[tuple[Port, ...]] = (
        Port("b", ("any",), "-1.769 in steps of s_in / 1.4142, at most 0"),
        Port("c", ("any",), "the polynomial's constant, at most 0"),
        Port("one", ("any",), "1 on the scale of erf, at most 0"),
    )
    stages: ClassVar[tuple[str, ...]] = ("clipped", "erf")

    kind: Literal["igelu"]
    erf_shift: Annotated[int, Field(strict=True, ge=0, le=31)]

    def check(self, where: str, source: Width, output: Width, arrays: Arrays) -> None:
        """Refuse positive constants, and products past 63 bits."""
        super().check(where, source, output, arrays)
        check_range(where, "b", arrays["b"], -(1 << 30), 0)
        check_range(where, "c", arrays["c"], -(1 << 61), 0)
        check_range(where, "one", arrays["one"], -(1 << 61), 0)
        check_int64(where, "product of x and erf", self.reach(source, arrays))

    def reach(self, source: Width, arrays: Arrays) -> int:
        """The largest x by the largest erf and one."""
        square = max(int(arrays["b"].min()) ** 2, -int(arrays["c"].min()))
        return largest(source, arrays) * ((square >> self.erf_shift) + 1 - int(arrays["one"].min()))

    def work(self, size: int) -> VectorCounts:
        """A clip, a square, a product, additions."""
        return {"compare": size, "add": 3 * size, "multiply": 2 * size}
