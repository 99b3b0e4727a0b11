"""What every kind of add unit says of itself; the kinds stand beside this file.

An add unit brings two activations of different scales to the scale of the output and adds them:

    real_a + real_b = scale_a * (a - z_a) + scale_b * (b - z_b) = scale_y * (y - zero_point)

The last line is the same for all kinds: output = clamp(... + zero_point, low, high). Operands may be wider
than the MAC's (16-bit residual streams): the unit's own widths hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from bittrue.spec.arithmetic import INT64_LIMIT
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.core import PLACED
from bittrue.spec.units.section import Arrays, Integers, Port, Section, Width

OPERANDS = (
    Port("a", ("any",), "codes of the first operand"),
    Port("b", ("any",), "codes of the second operand"),
    Port("zero_point_a", ("any",), "zero point of a", 0),
    Port("zero_point_b", ("any",), "zero point of b", 0),
)
Reaches = tuple[int, int]
"""The largest |code - zero point| of a and of b."""


class AddUnit(Section):
    """Base of the kinds."""

    kind: str

    operand_bits_max: Annotated[int, Field(strict=True, ge=2, le=32)] = 16
    output_bits_max: Annotated[int, Field(strict=True, ge=2, le=32)] = 16

    parameters: ClassVar[tuple[Port, ...]]
    """Integer constants that a step brings, one value each, in order."""

    @property
    def ports(self) -> tuple[Port, ...]:
        """Everything that the unit reads when it runs alone."""
        return (*OPERANDS, *self.parameters, *PLACED)

    @property
    def stages(self) -> tuple[str, ...]:
        """Intermediate values in the order in which they arise, all in the output's shape."""
        raise TypeError(f"{type(self).__name__} does not state its stages")

    @property
    def stage_widths(self) -> Mapping[str, Width]:
        """Registers of the stages whose width the contract proves."""
        return {}

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """Registers of the parameters; `check` holds every step to them."""
        raise TypeError(f"{type(self).__name__} does not state its parameters' widths")

    def check(self, where: str, reaches: Reaches, constants: Arrays) -> None:
        """Refuse constants (arrays of any shape) that the unit cannot hold, and intermediates past its registers."""
        raise TypeError(f"{type(self).__name__} does not state its refusals")

    def check_codes(self, where: str, arrays: Arrays) -> None:
        """Refuse codes and zero points, as far as they are given, past what the unit's formulas are proved for."""

    def check_widths(self, where: str, operands: tuple[Width, Width], output: Width) -> None:
        """Refuse codes that are wider than the unit's registers."""
        for what, bits, most in (
            ("operand", max(width.bits for width in operands), self.operand_bits_max),
            ("output", output.bits, self.output_bits_max),
        ):
            if bits > most:
                raise IllFormed(
                    f"an {what} of an add is wider than the datapath's add unit",
                    where=where,
                    got=f"{bits} bits",
                    expected=f"at most {most} bits",
                )


def within(where: str, role: str, values: Integers, low: int, high: int) -> None:
    """Refuse a constant with a value outside low..high."""
    least, most = int(values.min()), int(values.max())
    if least < low or most > high:
        raise IllFormed(
            f"constant '{role}' is outside the add unit's range",
            where=where,
            got=least if least == most else f"{least}..{most}",
            expected=f"{low}..{high}",
        )


def fits(where: str, what: str, magnitude: int, bits: int = 64) -> None:
    """Refuse an intermediate whose magnitude may leave a register of `bits` bits, sign included."""
    limit = INT64_LIMIT if bits == 64 else 1 << (bits - 1)
    if magnitude >= limit:
        raise IllFormed(
            f"the {what} of an add may not fit {bits - 1} bits and a sign",
            where=where,
            got=f"magnitude up to 2**{magnitude.bit_length()}",
            expected=f"below 2**{bits - 1}",
            next_step="narrow the operands, move their zero points into the code range, or choose closer scales",
        )
