"""mean: average over the last two axes (global average pooling), then requantization.

    accumulator[1, c, 0, 0] = sum over (y, x), rows first, of (q[1, c, y, x] - z)
    output[1, c, 0, 0]      = clamp(round_shift(accumulator * multiplier, shift) + zero_point)

The division by H*W is part of the multiplier (spec/units/mean.py says how): there is one rounding. Input
[1, C, H, W], output [1, C, 1, 1]; multiplier and shift have shape [1]. The sum runs in the MAC accumulator.
The last line is the plain requantizer; spec/units/requantization.py has the datapath's.

With `[mean] kind = "float32"` the sum is of raw codes, and the step brings a `scale`, the bits of a float32 [1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec.bounds import centred, check_accumulator
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import AccumulatorBound, Call, Op, Shape, Work
from bittrue.spec.requantizer import check_lengths, check_output_axis, check_per_tensor, check_requantizer
from bittrue.spec.units.mean import check_scale


@dataclass(frozen=True)
class Mean(Op):
    """No attributes."""

    name: ClassVar[str] = "mean"
    requantizes: ClassVar[bool] = True
    stages: ClassVar[tuple[str, ...]] = ("accumulator", "rounded")

    def roles_on(self, datapath: Datapath) -> tuple[str, ...]:
        """The requantizer's, or a float32 scale."""
        return super().roles_on(datapath) if datapath.mean.kind == "folded" else ("scale",)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """[1, C, H, W] -> [1, C, 1, 1]."""
        (shape,) = shapes
        if len(shape) != 4 or shape[0] != 1:
            raise IllFormed("mean takes [1, channels, height, width]", got=shape)
        return (*shape[:2], 1, 1)

    def check(self, call: Call) -> None:
        """Refuse per-channel inputs and unproved widths."""
        check_per_tensor(call, 0)
        check_accumulator(call)
        if call.datapath.mean.kind == "folded":
            check_requantizer(call, 1)
            return
        check_output_axis(call)
        check_lengths(call, 1, "scale")
        check_scale(call.step, call.constants["scale"])

    def bound(self, call: Call) -> AccumulatorBound:
        """H*W times the ends of the range of what is summed: centred codes, or raw ones."""
        _, _, height, width = call.inputs[0].shape
        low, high = centred(call, 0) if call.datapath.mean.kind == "folded" else call.inputs[0].code_range
        return AccumulatorBound(min(low, 0) * height * width, max(high, 0) * height * width)

    def work(self, call: Call) -> Work:
        """One addition an input element, one requantization an output."""
        return Work(None, {"add": call.inputs[0].size, "requantize": call.output.size})
