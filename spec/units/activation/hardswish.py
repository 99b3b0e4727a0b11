"""hardswish and hardsigmoid from their definition: x * clamp(x + 3, 0, 6) / 6 on integers.

    x       = q - input_zero_point
    shifted = x + three                                         wrap(..., sum_bits) where given
    gate    = clamp(shifted, 0, six)
    product = x * gate with product = true, gate with product = false
    output  = product                                           sixth_shifts = [], to the requantizer
              (sum of (product >> s) over sixth_shifts) >> output_shift, wrap(..., output_bits) where given;
              to the requantizer as well

three and six are 3 and 6 in input steps, correctly rounded (halves up). `>>` floors, for each term alone.
Without sixth_shifts the requantizer's ratio holds the sixth: s_in * s_in / 6 / s_out (s_in / 6 / s_out for
hardsigmoid). With them the sum of 2**-s stands for the sixth, and its error stays.

RTL/Swish/swish.sv of Ammar-Wahidi/MobileVit-AI-Hardware-Accelerator @ 58a612e7 is three = 768, six = 1536 (x with 8
fraction bits), sum_bits = 16, sixth_shifts = [3, 5, 7, 9, 11, 13], output_shift = 8, output_bits = 16, codes of 16
bits: p = x * clamp(wrap16(x + 768), 0, 1536); y = wrap16((p>>3 + p>>5 + p>>7 + p>>9 + p>>11 + p>>13) >> 8).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

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

Register = Annotated[int, Field(strict=True, ge=2, le=48)]


class Hardswish(ActivationUnit):
    """See the module docstring."""

    requantizes: ClassVar[bool] = True
    functions: ClassVar[tuple[Function, ...]] = ("hardswish", "hardsigmoid")
    formats: ClassVar[tuple[Port, ...]] = (INPUT_ZERO_POINT,)
    parameters: ClassVar[tuple[Port, ...]] = (
        Port("three", ("any",), "3 in input steps"),
        Port("six", ("any",), "6 in input steps"),
    )
    stages: ClassVar[tuple[str, ...]] = ("gate", "product")

    kind: Literal["hardswish"]
    product: bool = True
    sum_bits: Register | None = None
    sixth_shifts: tuple[Annotated[int, Field(strict=True, ge=0, le=40)], ...] = ()
    output_shift: Annotated[int, Field(strict=True, ge=0, le=40)] = 0
    output_bits: Register | None = None

    @model_validator(mode="after")
    def _fields_fit(self) -> Hardswish:
        if not self.sixth_shifts and (self.output_shift or self.output_bits is not None):
            raise ValueError("output_shift and output_bits need sixth_shifts")
        return self

    def serves(self, function: Function) -> bool:
        """Hardswish with the product, hardsigmoid without it."""
        return function in self.functions and self.product == (function == "hardswish")

    def check(self, where: str, source: Width, output: Width, arrays: Arrays) -> None:
        """Refuse constants past 2**30 and products past 63 bits."""
        super().check(where, source, output, arrays)
        for role in ("three", "six"):
            check_range(where, role, arrays[role], 0, (1 << 30) - 1)
        check_int64(where, "sum of shifts", self._product(source, arrays) * max(1, len(self.sixth_shifts)))

    def reach(self, source: Width, arrays: Arrays) -> int:
        """The product, or what its shifts leave of it."""
        product = self._product(source, arrays)
        if not self.sixth_shifts:
            return product
        # A floor may lie one below the quotient of the magnitude.
        total = sum((product >> shift) + 1 for shift in self.sixth_shifts)
        left = (total >> self.output_shift) + 1
        return left if self.output_bits is None else min(left, 1 << (self.output_bits - 1))

    def _product(self, source: Width, arrays: Arrays) -> int:
        return (largest(source, arrays) if self.product else 1) * int(arrays["six"].max())

    def parameter_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """Below 2**30."""
        return {"three": Width(30, False), "six": Width(30, False)}

    def stage_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """At most six."""
        return {"gate": Width(30, False)}

    def work(self, size: int) -> VectorCounts:
        """Additions, two comparisons, and the product where there is one."""
        counts = {"add": (1 + len(self.sixth_shifts)) * size, "compare": 2 * size}
        return {**counts, "multiply": size} if self.product else counts
