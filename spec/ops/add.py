"""add: two activations of one shape, two multipliers, one shift, one rounding.

    accumulator = (a - z_a) * multiplier_a + (b - z_b) * multiplier_b
    output      = clamp(round_shift(accumulator, shift) + zero_point)

The larger multiplier lies in [2**(multiplier_bits-1), 2**multiplier_bits); the other is what the
ratio of scales makes it (possibly 0). All three constants have shape [1]. The sum is as wide as it
needs to be (the adder is no MAC accumulator), below 2**63.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec.bounds import check_int64
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Op, Shape, Work
from bittrue.spec.requantizer import check_lengths, check_multipliers, check_output_axis, check_per_tensor, check_shifts


@dataclass(frozen=True)
class Add(Op):
    """No attributes; no broadcasting."""

    name: ClassVar[str] = "add"
    roles: ClassVar[tuple[str, ...]] = ("multiplier_a", "multiplier_b", "shift")
    stages: ClassVar[tuple[str, ...]] = ("accumulator", "rounded")
    arity: ClassVar[int | None] = 2

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Two equal shapes -> the same."""
        if shapes[0] != shapes[1]:
            raise IllFormed("add takes two tensors of one shape", got=tuple(shapes))
        return shapes[0]

    def check(self, call: Call) -> None:
        """Refuse per-channel operands and constants that the datapath cannot hold."""
        check_per_tensor(call, 0)
        check_per_tensor(call, 1)
        check_lengths(call, 1, *self.roles)
        for role in ("multiplier_a", "multiplier_b"):
            check_multipliers(call, call.constants[role], exact_top_bit=False)
        largest = max(int(call.constants[role][0]) for role in ("multiplier_a", "multiplier_b"))
        if largest < 1 << (call.datapath.requantization.multiplier_bits - 1):
            raise IllFormed(
                "the larger multiplier of an add must have its top bit set",
                where=call.step,
                got=largest,
                expected=f"at least 2**{call.datapath.requantization.multiplier_bits - 1}",
            )
        check_output_axis(call)
        check_shifts(call, call.constants["shift"])
        reach = sum(
            call.inputs[index].magnitude_max * int(call.constants[role][0])
            for index, role in enumerate(("multiplier_a", "multiplier_b"))
        )
        check_int64(call, "sum", reach + (1 << (int(call.constants["shift"][0]) - 1)))

    def work(self, call: Call) -> Work:
        """Two multiplications, an addition and a rounding an element."""
        size = call.output.size
        return Work(None, {"multiply": size, "add": size, "requantize": size})
