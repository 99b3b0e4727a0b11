"""The requantizer: from one accumulator to one output code. Normative; docs/arithmetic.md explains it.

For kind = "integer" (a multiplier m and a right shift s an element; every field below at its default leaves
its line out):

    entered     a0 = accumulator + bias                       bias = "before_multiply" and one is given
                a0 = wrap(a0, input_bits)                     or its low input_bits read unsigned (port `unsigned`)
    centred     a  = a0 - offset                              offset = true
    product     p  = a * m                                    wrapped to product_bits
                p  = wrap(p + bias, bias_sum_bits)            bias = "after_multiply" and one is given
    rounded     t  = round_shift(p, s, rounding);  p for s = 0;  0 for s >= shift_zero_from
    limited     u  = t wrapped or saturated to shifted_bits
    placed      v  = wrap(u + zero_point, placed_bits)        zero_point = "after_shift"
    output      y  = clamp(v, low, high)
                y  = clamp(clamp(u, low, high) + zero_point, low, high)    zero_point = "after_saturation"

A bias is an operand of the unit alone; the steps of a program bring theirs to the accumulator.

`unsigned` means nothing without input_bits, `placed_bits` nothing but "after_shift".

Two roundings (second_rounding given), with f = first_shift:

    lifted      l = wrap(a << max(0, f - s), lifted_bits)
    product     p = l * m                                     wrapped to product_bits
    high        h = saturate(round_shift(p, f, rounding), high_bits)
    rounded     t = round_shift(h, s - f, second_rounding) if s > f else h

With f = 31, half up, half away and 32-bit `lifted` and `high` it is gemmlowp's
SaturatingRoundingDoublingHighMul followed by RoundingDivideByPOT; s = 31 - (TFLite's shift).

kind = "float32": m holds the bits of an IEEE-754 float32 scale; t = rint(float32(a) * scale) where the
conversion, the product and rint each round half to even (no fused multiply-add), limited to int32 by
saturation. s is not read (0 in a program). With zero_point = "before_rounding",
t = rint(float32(a) * scale + float32(zero_point)), the sum in float32 as well, and t holds the zero point already.
kind = "shift": there is no multiplier (1, and no stage `product`); scales are powers of two.
kind = "thresholds": y = low + the number of thresholds T_1 <= ... <= T_n of the channel with T_i <= a
(FINN's MVAU; n = high - low at most). `a` is the accumulator itself. Multiplier, shift and zero point do not exist.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.section import Section

RequantizingOp = Literal[
    "activation", "avg_pool2d", "concat", "conv2d", "linear", "matmul", "mean", "mul", "weighted_sum",
]  # fmt: skip
"""Ops that end in the requantizer, at least with some of their units."""

Bits = Annotated[int, Field(strict=True, ge=2, le=62)]


class RequantizationUnit(Section):
    """See the module docstring."""

    kind: Literal["integer", "float32", "shift", "thresholds"] = "integer"
    multiplier_bits: Annotated[int, Field(strict=True, ge=1, le=31)] = 31
    """Value bits of m, its sign not counted: q31 has 31, u8 has 8, i16 has 15."""
    multiplier_signed: bool = False
    """Whether m may be negative, down to -2**multiplier_bits. A program's multipliers are positive."""
    normalized: bool = True
    """Whether a program's multipliers must have their top bit set; otherwise a ratio whose shift would pass
    shift_max gets a smaller multiplier."""
    per_channel: bool = True
    """Whether multiplier and shift may differ between channels."""
    shift_min: Annotated[int, Field(strict=True, ge=0, le=31)] = 1
    shift_max: Annotated[int, Field(strict=True, ge=1, le=63)] = 62
    shift_zero_from: Annotated[int, Field(strict=True, ge=1, le=63)] | None = None
    """A shift of at least so many bits gives 0 (a shifter that runs out of bits)."""
    input_bits: Bits | None = None
    bias: Literal["none", "before_multiply", "after_multiply"] = "none"
    bias_sum_bits: Bits | None = None
    offset: bool = False
    """Whether a zero point is subtracted in front of the multiplier."""
    product_bits: Bits | None = None
    rounding: Rounding
    second_rounding: Rounding | Literal["none"] = "none"
    first_shift: Annotated[int, Field(strict=True, ge=1, le=62)] = 31
    lifted_bits: Bits | None = None
    high_bits: Bits | None = None
    shifted_bits: Bits | None = None
    shifted_overflow: Literal["wrap", "saturate"] = "saturate"
    zero_point: Literal["after_shift", "after_saturation", "before_rounding", "none"] = "after_shift"
    placed_bits: Bits | None = None

    @model_validator(mode="after")
    def _fields_fit(self) -> RequantizationUnit:
        if self.shift_min > self.shift_max:
            raise ValueError("shift_min must not exceed shift_max")
        if self.zero_point == "before_rounding" and self.kind != "float32":
            raise ValueError('only kind = "float32" adds the zero point before it rounds')
        if self.kind == "thresholds" and (self.bias != "none" or self.offset or self.input_bits is not None):
            raise ValueError('kind = "thresholds" compares the accumulator itself: no bias, offset or input_bits')
        if self.kind == "float32" and self.bias == "after_multiply":
            raise ValueError("a float32 product takes no integer bias")
        if self.kind != "integer" and self.second_rounding != "none":
            raise ValueError('only kind = "integer" rounds twice')
        if self.shift_zero_from is not None and self.second_rounding != "none":
            raise ValueError("a shifter that runs out of bits and two roundings exclude each other")
        if self.bias == "after_multiply" and self.second_rounding != "none":
            raise ValueError("a bias behind the multiplier and two roundings exclude each other")
        return self

    @property
    def roles(self) -> tuple[str, ...]:
        """Constants that a step brings: multiplier and shift, int [1] or [output channels]; or thresholds, int
        [1 or output channels, count], ascending along the last axis."""
        return ("thresholds",) if self.kind == "thresholds" else ("multiplier", "shift")

    @property
    def second(self) -> Rounding | None:
        """The rule of the second shift; None where there is one shift."""
        return self.second_rounding if isinstance(self.second_rounding, Rounding) else None

    @cached_property
    def plain(self) -> bool:
        """Whether entered, lifted, product, high, limited and placed are all exact: no register in between wraps,
        saturates or reads unsigned, so that only the rounding and the clamp change a value."""
        registers = (
            self.input_bits, self.bias_sum_bits, self.product_bits, self.lifted_bits, self.high_bits, self.shifted_bits,
            self.placed_bits, self.shift_zero_from,
        )  # fmt: skip
        return self.kind in ("integer", "shift") and all(bits is None for bits in registers)


class RequantizationChange(Section):
    """Fields of the requantizer that one operator has otherwise; what is not named stays."""

    kind: Literal["integer", "float32", "shift", "thresholds"] | None = None
    multiplier_bits: Annotated[int, Field(strict=True, ge=1, le=31)] | None = None
    normalized: bool | None = None
    per_channel: bool | None = None
    shift_min: Annotated[int, Field(strict=True, ge=0, le=31)] | None = None
    shift_max: Annotated[int, Field(strict=True, ge=1, le=63)] | None = None
    rounding: Rounding | None = None
    second_rounding: Rounding | Literal["none"] | None = None
    first_shift: Annotated[int, Field(strict=True, ge=1, le=62)] | None = None
    zero_point: Literal["after_shift", "after_saturation", "before_rounding", "none"] | None = None


class Requantization(RequantizationUnit):
    """The unit behind every accumulator, and the operators that differ."""

    of: dict[RequantizingOp, RequantizationChange] = Field(default_factory=dict)
    """`[requantization.of.linear] second_rounding = "none"`: linear rounds once although the others round twice."""

    def for_op(self, op: str) -> RequantizationUnit:
        """The unit as one operator has it; without `of`."""
        return self._resolved.get(op, self._default)

    @cached_property
    def _default(self) -> RequantizationUnit:
        return RequantizationUnit.model_validate(self.model_dump(exclude={"of"}))

    @cached_property
    def _resolved(self) -> dict[str, RequantizationUnit]:
        base = self.model_dump(exclude={"of"})
        return {
            op: RequantizationUnit.model_validate(base | change.model_dump(exclude_none=True))
            for op, change in self.of.items()
        }

    @model_validator(mode="after")
    def _each_operator_is_valid(self) -> Requantization:
        self._resolved  # noqa: B018  a combination of fields that no unit can have is refused here
        return self
