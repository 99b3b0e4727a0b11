"""add in float32: ONNX Runtime's QLinearAdd on x86 with AVX2.

F(x) is x rounded to float32, half to even; a product inside F is not rounded on its own (fused multiply-add):

    fixed         f = F(zero_point - F(ratio_a * z_a + F(ratio_b * z_b)))
    partial       p = F(b * ratio_b + f)
    sum           s = F(a * ratio_a + p)
    rounded       t = rint(s), half to even
    output        y = clamp(t, low, high)

The output's zero point is in `fixed`, so `rounded` holds it; there is no addition behind it. ratio_x =
F(scale_x / scale_y) of float32 scales. Stages `partial` and `sum` are the bits of float32 numbers.

Every value is a multiple of 2**-43 below 2**19 for ratios in 2**-20 .. below 2**9 and codes and zero points of at
most 8 bits; other operands are refused, so that no float32 overflows or goes below its normal numbers and the
whole unit can be computed on 63-bit integers. Measured: onnxruntime 1.31.1 (MLAS qladd_avx2.cpp; the order b
before a, and the contraction of z_a's product, are the compiled kernel's), 0 of 10,446,450 codes differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from bittrue.spec.errors import IllFormed
from bittrue.spec.units.add.unit import AddUnit, Reaches, within
from bittrue.spec.units.section import Arrays, Port, Width

RATIO_LOW, RATIO_HIGH = (127 - 20) << 23, ((127 + 9) << 23) - 1
"""Bits of 2**-20 and of the last float32 below 2**9."""
CODE_BITS = 8


class Float32Add(AddUnit):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = (
        Port("ratio_a", ("any",), "scale of a over the output's", kind="float32"),
        Port("ratio_b", ("any",), "scale of b over the output's", kind="float32"),
    )

    kind: Literal["float32"]

    @property
    def stages(self) -> tuple[str, ...]:
        """Bits of the two sums, and the integer."""
        return ("partial", "sum", "rounded")

    @property
    def stage_widths(self) -> Mapping[str, Width]:
        """Bits of float32 numbers, and an integer far inside 32 bits."""
        return dict.fromkeys(self.stages, Width(32, True))

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """Bits of a float32."""
        return dict.fromkeys(("ratio_a", "ratio_b"), Width(32, True))

    def check(self, where: str, reaches: Reaches, constants: Arrays) -> None:
        """Refuse ratios and operands outside the domain in which the sums are exact multiples of 2**-43."""
        for role in ("ratio_a", "ratio_b"):
            within(where, role, constants[role], RATIO_LOW, RATIO_HIGH)
        if max(reaches) >= 1 << CODE_BITS:
            raise IllFormed(
                "an operand of a float32 add is further from its zero point than 8-bit codes are",
                where=where,
                got=f"up to {max(reaches)}",
                expected=f"at most {(1 << CODE_BITS) - 1}",
                next_step='set tensors.zero_points = "clamped"',
            )

    def check_codes(self, where: str, arrays: Arrays) -> None:
        """Refuse codes and zero points of more than 8 bits: the domain of the module docstring."""
        most = (1 << CODE_BITS) - 1
        for role in ("a", "b", "zero_point_a", "zero_point_b", "zero_point"):
            if role in arrays:
                within(where, role, arrays[role], -most, most)
