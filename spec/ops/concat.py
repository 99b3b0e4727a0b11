"""concat: tensors one after another along an axis, each requantized to the output's scale.

    output[..., part i, ...] = clamp(round_shift((q_i - z_i) * multiplier[i], shift[i]) + zero_point)

multiplier and shift have one entry for each input. An input that already has the output's scale and
zero point has multiplier 2**(multiplier_bits-1) and shift multiplier_bits-1: it passes unchanged.
Where the datapath rounds twice, `scale` of spec/arithmetic.py stands for round_shift here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Op, Shape, Work
from bittrue.spec.requantizer import check_multipliers, check_output_axis, check_per_tensor, check_scaled, check_shifts


@dataclass(frozen=True)
class Concat(Op):
    """Attributes: the axis."""

    name: ClassVar[str] = "concat"
    roles: ClassVar[tuple[str, ...]] = ("multiplier", "shift")
    arity: ClassVar[int | None] = None

    axis: int

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Equal shapes but for `axis`, whose sizes add up."""
        first = shapes[0]
        if not 0 <= self.axis < len(first):
            raise IllFormed("the concat axis does not exist", got=self.axis, expected=f"0..{len(first) - 1}")
        rest = {(*shape[: self.axis], *shape[self.axis + 1 :]) for shape in shapes}
        if len(rest) > 1 or len({len(shape) for shape in shapes}) > 1:
            raise IllFormed(
                "concat inputs differ outside the axis", got=tuple(shapes), expected=f"equal but for axis {self.axis}"
            )
        return (*first[: self.axis], sum(shape[self.axis] for shape in shapes), *first[self.axis + 1 :])

    def check(self, call: Call) -> None:
        """Refuse per-channel inputs and constants that the datapath cannot hold."""
        multiplier, shift = call.constants["multiplier"], call.constants["shift"]
        if multiplier.shape != (len(call.inputs),) or shift.shape != (len(call.inputs),):
            raise IllFormed(
                "concat needs a multiplier and a shift for each input",
                where=call.step,
                got=(multiplier.shape, shift.shape),
                expected=f"({len(call.inputs)},)",
            )
        check_multipliers(call, multiplier, exact_top_bit=True)
        check_output_axis(call)
        check_shifts(call, shift)
        for index, spec in enumerate(call.inputs):
            check_per_tensor(call, index)
            one = {role: call.constants[role][index : index + 1] for role in self.roles}
            check_scaled(replace(call, constants=one), "scaled input", spec.magnitude_max)

    def work(self, call: Call) -> Work:
        """One requantization an element."""
        return Work(None, {"requantize": call.output.size})
