"""add of tensors whose scales are powers of two: shifts and no multiplier.

    accumulator   A = ((a - z_a) << shift_a) + ((b - z_b) << shift_b)       proved to fit accumulator_bits
    rounded       t = round_shift(A, shift);  A for shift = 0
    output        y = clamp(t + zero_point, low, high)

Both operands go to the finer of the two scales and the sum to the output's with one rounding. With scale_x =
2**e_x and f = min(e_a, e_b, e_y): shift_a = e_a - f, shift_b = e_b - f, shift = e_y - f. Datapaths whose ALU adds and
shifts (apache/tvm-vta TensorAlu.scala: add, shr) need tensors.scales = "power_of_two".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.add.unit import AddUnit, Reaches, fits, within
from bittrue.spec.units.section import Arrays, Port, Width


class PowerOfTwoAdd(AddUnit):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = (
        Port("shift_a", ("any",), "left shift of a"),
        Port("shift_b", ("any",), "left shift of b"),
        Port("shift", ("any",), "right shift of the sum"),
    )

    kind: Literal["power_of_two"]
    left_shift_max: Annotated[int, Field(strict=True, ge=0, le=31)]
    shift_max: Annotated[int, Field(strict=True, ge=1, le=31)]
    accumulator_bits: Annotated[int, Field(strict=True, ge=8, le=62)]
    rounding: Rounding

    @property
    def stages(self) -> tuple[str, ...]:
        """The sum at the finer scale, and rounded."""
        return ("accumulator", "rounded")

    @property
    def stage_widths(self) -> Mapping[str, Width]:
        """The adder's width."""
        return {"accumulator": Width(self.accumulator_bits, True)}

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """Unsigned, as long as the longest shifts need."""
        left = Width(max(self.left_shift_max.bit_length(), 1), False)
        return {"shift_a": left, "shift_b": left, "shift": Width(self.shift_max.bit_length(), False)}

    def check(self, where: str, reaches: Reaches, constants: Arrays) -> None:
        """Refuse shifts that the unit does not have, and sums past its adder."""
        total = 0
        for reach, role in zip(reaches, ("shift_a", "shift_b"), strict=True):
            within(where, role, constants[role], 0, self.left_shift_max)
            total += reach << int(constants[role].max())
        within(where, "shift", constants["shift"], 0, self.shift_max)
        fits(where, "sum", total, self.accumulator_bits)
