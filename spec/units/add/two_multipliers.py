"""add by two multipliers and one common shift: the default of `iot_npu`, and XNNPACK's.

    accumulator   A = (a - z_a) * multiplier_a + (b - z_b) * multiplier_b
    rounded       t = round_shift(A, shift)
    limited       u = saturate(t, shifted_bits)                             only with shifted_bits
    output        y = clamp(u + zero_point, low, high)

There is one rounding. The larger multiplier lies in [2**(multiplier_bits-1), 2**multiplier_bits), the other
is what the ratio of scales makes it (possibly 0). The sum is as wide as it needs to be, below 2**63.

`ratios` says how lowering finds the constants from the scales, r_x = scale_x / scale_y:

    exact    shift: what the larger ratio needs; multiplier_x = floor(r_x * 2**shift + 1/2), r_x rational
    float32  scales and ratios are float32, shift = multiplier_bits - 1 - floor(log2(larger r)),
             multiplier_x = rint(r_x * 2**shift), half to even; 2**multiplier_bits itself can arise and is held

XNNPACK (qs8-vadd, xnn_init_qs8_add_minmax_*_params): float32, 21 bits, half up, shift 13..30, a saturating
16-bit lane in front of the zero point. It folds both zero points into a bias, which changes no value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.add.unit import AddUnit, Reaches, fits, within
from bittrue.spec.units.section import Arrays, Port, Width


class TwoMultipliersAdd(AddUnit):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = (
        Port("multiplier_a", ("any",), "scale of a over the output's, times 2**shift"),
        Port("multiplier_b", ("any",), "scale of b over the output's, times 2**shift"),
        Port("shift", ("any",), "right shift of the sum"),
    )

    kind: Literal["two_multipliers"]
    multiplier_bits: Annotated[int, Field(strict=True, ge=2, le=31)]
    ratios: Literal["exact", "float32"] = "exact"
    shift_min: Annotated[int, Field(strict=True, ge=1, le=62)] = 1
    shift_max: Annotated[int, Field(strict=True, ge=1, le=62)]
    shifted_bits: Annotated[int, Field(strict=True, ge=8, le=32)] | None = None
    rounding: Rounding

    @model_validator(mode="after")
    def _shifts_exist(self) -> TwoMultipliersAdd:
        if self.shift_min > self.shift_max:
            raise ValueError("shift_min must not exceed shift_max")
        return self

    @property
    def stages(self) -> tuple[str, ...]:
        """The sum, rounded, and saturated where there is a register for it."""
        return ("accumulator", "rounded") if self.shifted_bits is None else ("accumulator", "rounded", "limited")

    @property
    def multiplier_max(self) -> int:
        """The largest multiplier that the unit holds."""
        top = 1 << self.multiplier_bits
        return top if self.ratios == "float32" else top - 1

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """Unsigned registers of the configured sizes."""
        multiplier = Width(self.multiplier_max.bit_length(), False)
        shift = Width(self.shift_max.bit_length(), False)
        return {"multiplier_a": multiplier, "multiplier_b": multiplier, "shift": shift}

    def check(self, where: str, reaches: Reaches, constants: Arrays) -> None:
        """Refuse multipliers and shifts that the unit cannot hold, and sums past 63 bits."""
        for role in ("multiplier_a", "multiplier_b"):
            within(where, role, constants[role], 0, self.multiplier_max)
        within(where, "shift", constants["shift"], self.shift_min, self.shift_max)
        larger = int(np.maximum(constants["multiplier_a"], constants["multiplier_b"]).min())
        if larger < 1 << (self.multiplier_bits - 1):
            raise IllFormed(
                "the larger multiplier of an add must have its top bit set",
                where=where,
                got=larger,
                expected=f"at least 2**{self.multiplier_bits - 1}",
            )
        total = sum(
            reach * int(constants[role].max())
            for reach, role in zip(reaches, ("multiplier_a", "multiplier_b"), strict=True)
        )
        # tosa_double adds 2**30 besides the half.
        fits(where, "sum", total + (1 << (int(constants["shift"].max()) - 1)) + (1 << 30))
