"""mul: elementwise product of two activations, then requantization.

    accumulator = (a - z_a) * (b - z_b)
    output      = clamp(round_shift(accumulator * multiplier, shift) + zero_point)

An axis of b of size 1 repeats. multiplier and shift have shape [1]. The product is exact: it is no
MAC accumulator and has no overflow rule.
The last line is the plain requantizer; spec/units/requantization.py has the datapath's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Op, Shape, Work
from bittrue.spec.requantizer import check_operand, check_per_tensor, check_requantizer


@dataclass(frozen=True)
class Mul(Op):
    """No attributes."""

    name: ClassVar[str] = "mul"
    requantizes: ClassVar[bool] = True
    stages: ClassVar[tuple[str, ...]] = ("accumulator", "rounded")
    arity: ClassVar[int | None] = 2

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Shape of a; b's axes are equal to a's or 1."""
        a, b = shapes
        if len(a) != len(b) or any(y not in (1, x) for x, y in zip(a, b, strict=True)):
            raise IllFormed("mul operands do not fit", got=(a, b), expected="b's axes equal to a's or 1")
        return a

    def check(self, call: Call) -> None:
        """Refuse wide or per-channel operands and constants that the datapath cannot hold."""
        for index in (0, 1):
            check_per_tensor(call, index)
            check_operand(call, index, call.datapath.mac.activation_bits_max)
        magnitude = call.inputs[0].magnitude_max * call.inputs[1].magnitude_max
        check_requantizer(call, 1, magnitude=magnitude)

    def work(self, call: Call) -> Work:
        """One multiplication and one requantization an element."""
        return Work(None, {"multiply": call.output.size, "requantize": call.output.size})
