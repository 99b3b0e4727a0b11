"""add by three requantizers in sequence: TFLite's and CMSIS-NN's ADD, and its TOSA form.

    lifted_x      l_x = (x - z_x) << left_shift                             for x = a, b
    scaled_a      u   = S(l_a, multiplier_a, shift_a)
    scaled_b      v   = S(l_b, multiplier_b, shift_b)
    accumulator   A   = u + v
    rounded       t   = S(A, multiplier, shift)
    output        y   = clamp(t + zero_point, low, high)

S is the requantizer's `rounded` (spec/units/requantization.py): round_shift(value * m, s), or with a
second_rounding, f = 31: high = round_shift((value << max(0, f - s)) * m, f), and where s > f
round_shift(high, s - f, second_rounding) of it. l, u, v, A, t and the lifted value inside S are held in 32
bits: operands and constants that could leave them are refused.

The constants come from float32 scales, in IEEE double in the order written; L = fraction_bits, or
wide_fraction_bits where an operand has more than 8 bits:

    twice = 2 * max(scale_a, scale_b)
    r_a = scale_a / twice;   r_b = scale_b / twice;   r_y = twice / (2**L * scale_y)
    lift = "operand":     left_shift = L;  lift = "multiplier":  left_shift = 0, r_a and r_b times 2**L
    (m, s) of r: r = q * 2**e, 1/2 <= q < 1;  m = floor(q * 2**31 + 1/2), s = 31 - e;  m = 2**31: 2**30, s - 1;
    s > 62: (0, 31)

tflite   L = 20 and 15, lift "operand", half up then half away, shifts 31..62: lite/kernels/add.cc and
         reference/integer_ops/add.h; both builds of CMSIS-NN's arm_elementwise_add_s8 (single: half up once)
tosa     single rounding: lift "multiplier", half up; double rounding: lift "operand", tosa_double; shifts 2..62
         (the conversion of tfl.add: legalize_tfl.cc matchAndRewriteAddSub)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.add.unit import AddUnit, Reaches, fits, within
from bittrue.spec.units.section import Arrays, Port, Width

FIRST_SHIFT = 31
REGISTER_BITS = 32
LEFT_SHIFT_MAX = 30


class RescaleAdd(AddUnit):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = (
        Port("left_shift", ("any",), "left shift of both centred operands"),
        Port("multiplier_a", ("any",), "multiplier of a, below 2**31"),
        Port("shift_a", ("any",), "right shift of a"),
        Port("multiplier_b", ("any",), "multiplier of b, below 2**31"),
        Port("shift_b", ("any",), "right shift of b"),
        Port("multiplier", ("any",), "multiplier of the sum, below 2**31"),
        Port("shift", ("any",), "right shift of the sum"),
    )

    kind: Literal["rescale"]
    fraction_bits: Annotated[int, Field(strict=True, ge=0, le=23)] = 20
    wide_fraction_bits: Annotated[int, Field(strict=True, ge=0, le=23)] = 15
    """For operands of more than 8 bits."""
    lift: Literal["operand", "multiplier"] = "operand"
    shift_min: Annotated[int, Field(strict=True, ge=1, le=31)] = 31
    shift_max: Annotated[int, Field(strict=True, ge=31, le=62)] = 62
    rounding: Rounding
    second_rounding: Rounding | Literal["none"] = "none"

    @model_validator(mode="after")
    def _roundings_fit(self) -> RescaleAdd:
        if self.second is not None and Rounding.TOSA_DOUBLE in (self.rounding, self.second):
            raise ValueError("tosa_double rounds twice by itself")
        return self

    @property
    def second(self) -> Rounding | None:
        """The rule of the second shift; None where there is one shift."""
        return self.second_rounding if isinstance(self.second_rounding, Rounding) else None

    @property
    def stages(self) -> tuple[str, ...]:
        """What the three requantizers and the adder leave."""
        return ("scaled_a", "scaled_b", "accumulator", "rounded")

    @property
    def stage_widths(self) -> Mapping[str, Width]:
        """Every register has 32 bits."""
        return dict.fromkeys(self.stages, Width(REGISTER_BITS, True))

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """Unsigned: 31 bits of multiplier, and what the longest shifts need."""
        multiplier, shift = Width(FIRST_SHIFT, False), Width(self.shift_max.bit_length(), False)
        return {port.name: multiplier if port.name.startswith("multiplier") else shift for port in self.parameters} | {
            "left_shift": Width(LEFT_SHIFT_MAX.bit_length(), False)
        }

    def check(self, where: str, reaches: Reaches, constants: Arrays) -> None:
        """Refuse constants out of range, and operands with which a register could leave 32 bits."""
        within(where, "left_shift", constants["left_shift"], 0, LEFT_SHIFT_MAX)
        for name in ("_a", "_b", ""):
            within(where, f"multiplier{name}", constants[f"multiplier{name}"], 0, (1 << FIRST_SHIFT) - 1)
            within(where, f"shift{name}", constants[f"shift{name}"], self.shift_min, self.shift_max)
        total = 0
        for reach, name in zip(reaches, ("a", "b"), strict=True):
            lifted = reach << int(constants["left_shift"].max())
            fits(where, f"lifted {name}", lifted, REGISTER_BITS)
            total += self._scaled(where, f"scaled {name}", lifted, constants, f"_{name}")
        fits(where, "sum", total, REGISTER_BITS)
        self._scaled(where, "rounded sum", total, constants, "")

    def _scaled(self, where: str, what: str, reach: int, constants: Arrays, name: str) -> int:
        """The largest magnitude behind one requantizer; refused where it may leave its register."""
        multiplier, shift = int(constants[f"multiplier{name}"].max()), int(constants[f"shift{name}"].min())
        if self.second is not None and shift < FIRST_SHIFT:
            fits(where, f"{what}, lifted,", reach << (FIRST_SHIFT - shift), REGISTER_BITS)
        # Every rounding moves a magnitude by at most one unit, tosa_double's two by one together.
        scaled = (reach * multiplier >> shift) + 2
        fits(where, what, scaled, REGISTER_BITS)
        return scaled
