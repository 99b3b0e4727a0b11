"""softmax as TensorFlow Lite and CMSIS-NN compute it for int8, with gemmlowp's fixed-point functions.

    maximum       M     = max q
    scaled        x_i   = high((q_i - M) << shift, multiplier)      Q5.26; 0 where q_i - M < difference_min
    exponential   e_i   = exp(x_i)                                  Q0.31; 0 where q_i - M < difference_min
    sum           S     = sum round_shift(e_i, 12)                  Q12.19
    reciprocal    r     = reciprocal(S)                             Q0.31, of S brought to 1 <= S < 2
    product       p_i   = high(r, e_i)
    output        y_i   = clamp(round_shift(p_i, 31 - output_bits + h) - 2**(output_bits - 1))

`high(a, b)` = floor((a * b + 2**30) / 2**31) is gemmlowp's SaturatingRoundingDoublingHighMul (no operand pair
here is -2**31 twice); `round_shift` is half away from zero. h = bits(S) - 20 is how often S was halved: with a
left shift of l = 32 - bits(S), S << l lies in 2**31 .. 2**32 - 1, and h = 12 - l. The bits of S are at least
20, because the largest logit alone gives 2**19. For a shift beyond 31 the output is the lowest code, which is
what round_shift gives (p < 2**31); LiteRT's assertion stops there, at sums of exponentials of 512 and more.

exp(x) for x <= 0 (exp_on_negative_values); constants are Q0.31:

    quarter = 2**24;  low = (x & (quarter - 1)) - quarter           -1/4 <= low < 0
    t  = (low << 5) + 2**28                                         low + 1/8 as Q0.31
    t2 = high(t, t);  t3 = high(t2, t);  t4 = high(t2, t2)
    u  = round_shift(high(round_shift(t4, 2) + t3, 715827883) + t2, 1)
    e  = 1895147668 + high(1895147668, t + u)                       exp(-1/8) * (1 + t + t**2/2 + t**3/6 + t**4/24)
    for k, c in (24, 1672461947), (25, 1302514674), (26, 790015084), (27, 290630308), (28, 39332535),
                (29, 720401), (30, 242):  if bit k of (low - x) is set: e = high(e, c)
    e  = 2**31 - 1 if x == 0

reciprocal(S) = 1 / (1 + f), 1 + f = (S << l) / 2**31, by Newton (one_over_one_plus_x_for_x_in_0_1); v is Q2.29:

    d = (S << l) >> 1                                               half the denominator, Q0.31
    v = 1515870810 + high(d, -1010580540)                           48/17 - 32/17 * d
    three times:  v = v + (high(v, 2**29 - high(d, v)) << 2)
    r = min(v << 1, 2**31 - 1)

S is 31 bits: a row may have 4095 logits, and no more (`row_max`). multiplier and shift are those of the logits'
scale: multiplier * 2**(shift - 31) = scale * 2**26; difference_min = -floor(31 * 2**26 / 2**shift). The output
is signed, output_bits wide, zero point -2**(output_bits - 1), scale 2**-output_bits: with 16 bits it is the
int16 output for int8 input of the same sources. The distances of a row's codes to the zero point sum to at
most 2**output_bits + 2**(output_bits - 7) + n: each rounds by half a unit, the sum's terms by 2**11 of 2**31, and
reciprocal is within 2**-27 of 1 / (1 + f) (all 2**31 fractions were tried).

Source: tensorflow/lite/kernels/internal/reference/softmax.h and google/gemmlowp fixedpoint/fixedpoint.h;
ARM-software/CMSIS-NN Include/arm_nnsupportfunctions.h and arm_nn_softmax_common_s8.c compute the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Arrays, Port, Width
from bittrue.spec.units.softmax.unit import (
    A_ROW,
    ProbabilityFormat,
    SoftmaxUnit,
    VectorCounts,
    check_logit_bits,
    check_values,
    values_of,
)

REACH = 31 << 26
"""No scaled difference is below -31, as Q5.26."""


class GemmlowpSoftmax(SoftmaxUnit):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = (
        Port("multiplier", A_ROW, "scale of the logits, with `shift`; 2**30 .. 2**31 - 1"),
        Port("shift", A_ROW, "left shift of a difference of logits, 0 .. 31"),
        Port("difference_min", A_ROW, "differences below it have the exponential 0"),
    )
    stages: ClassVar[tuple[str, ...]] = ("maximum", "scaled", "exponential", "sum", "reciprocal", "product")
    row_stages: ClassVar[tuple[str, ...]] = ("maximum", "sum", "reciprocal")

    kind: Literal["gemmlowp"]
    row_max: Annotated[int, Field(strict=True, ge=1, le=4095)]
    """The longest row that the unit holds; the sum has 12 integer bits."""
    logit_bits_max: Annotated[int, Field(strict=True, ge=2, le=16)]
    output_bits: Literal[8, 16]

    def output(self, n: int) -> ProbabilityFormat:
        """Signed, scale 2**-output_bits, the lowest code is 0."""
        one = 1 << self.output_bits
        return ProbabilityFormat(self.output_bits, True, -one >> 1, Fraction(1, one), one + (one >> 7) + n)

    def check(self, where: str, logits: Width, n: int, constants: Arrays) -> None:
        """Refuse wide logits, multipliers without their top bit, and differences that leave Q5.26."""
        super().check(where, logits, n, constants)
        check_logit_bits(where, logits, self.logit_bits_max)
        check_values(where, constants, "multiplier", 1 << 30, (1 << 31) - 1)
        check_values(where, constants, "shift", 0, 31)
        check_values(where, constants, "difference_min", -REACH, 0)
        for shift, lowest in values_of(constants, "shift", "difference_min"):
            if -lowest << shift > REACH:
                raise IllFormed(
                    "a softmax difference may leave Q5.26",
                    where=where,
                    got=f"difference_min {lowest} << {shift}",
                    expected=f"at least {-REACH}",
                )

    def stage_widths(self, logits: Width, n: int) -> Mapping[str, Width]:
        """Everything behind the maximum is an int32."""
        return {"maximum": logits, **dict.fromkeys(self.stages[1:], Width(32, True))}

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """31-bit multiplier, 5-bit shift."""
        return {"multiplier": Width(31, False), "shift": Width(5, False), "difference_min": Width(32, True)}

    def work(self, size: int, rows: int) -> VectorCounts:
        """Per logit 5 products of the polynomial, 7 barrel products, two scalings; per row 7 of the reciprocal."""
        return {
            "compare": 2 * size,
            "multiply": 12 * size + 7 * rows,
            "add": 7 * size + 7 * rows,
            "requantize": 2 * size,
        }
