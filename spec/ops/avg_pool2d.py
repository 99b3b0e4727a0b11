"""avg_pool2d: average over a sliding window, by the datapath's pooling unit (spec/units/pool.py).

    accumulator[1, c, y, x] = sum over (ky, kx), rows first, of (q[1, c, y*sy + ky - py, x*sx + kx - px] - z)
    output[1, c, y, x]      = clamp(round_shift(accumulator * multiplier, shift) + zero_point)

is the kind "folded"; the division is part of the multiplier, and the last line is the plain requantizer
(spec/units/requantization.py has the datapath's). count_include_pad is torch's: True divides every window by kh*kw,
and multiplier and shift have shape [1]; False divides by n, the number of taps inside the image, and multiplier and
shift have shape [kh*kw]: entry n - 1 is that of the windows with n taps inside.

The kinds "divide" and "reciprocal" bring no constants and divide by the number of taps inside the image; padding that
counts is refused. "divide" sums raw codes.

A tap outside the image adds nothing. Input [1, C, H, W], output [1, C, OH, OW]. The sum runs in the MAC
accumulator. `mean` is the window that covers the whole image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec.bounds import centred, check_accumulator, check_int64, held_accumulator
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import AccumulatorBound, Call, Op, Shape, VectorOp, Work, added
from bittrue.spec.requantizer import check_output_axis, check_per_tensor, check_requantizer
from bittrue.spec.window import window_sides

RECIPROCAL_LIMIT = 1 << 31
"""A reciprocal's multiplier stays below it, and half of its largest shift too."""


@dataclass(frozen=True)
class AvgPool2d(Op):
    """Attributes: kernel, stride and padding, each (y, x); whether padding counts as taps."""

    name: ClassVar[str] = "avg_pool2d"
    requantizes: ClassVar[bool] = True
    stages: ClassVar[tuple[str, ...]] = ("accumulator", "rounded")

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    count_include_pad: bool = added(True)

    @property
    def taps(self) -> int:
        """Of a whole window."""
        return self.kernel[0] * self.kernel[1]

    def roles_on(self, datapath: Datapath) -> tuple[str, ...]:
        """The requantizer's; none where the unit divides by the count itself."""
        return super().roles_on(datapath) if datapath.avg_pool2d.kind == "folded" else ()

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """[1, C, H, W] -> [1, C, OH, OW] with OH = (H + 2 py - kh) // sy + 1."""
        (shape,) = shapes
        if len(shape) != 4 or shape[0] != 1:
            raise IllFormed("avg_pool2d takes [1, channels, height, width]", got=shape)
        if any(pad > size // 2 for pad, size in zip(self.padding, self.kernel, strict=True)):
            raise IllFormed(
                "padding of more than half the window pools nothing",
                got=self.padding,
                expected=f"at most half of {self.kernel}",
            )
        sides = window_sides((shape[2], shape[3]), self.kernel, self.stride, self.padding)
        return (*shape[:2], *sides)

    def check(self, call: Call) -> None:
        """Refuse per-channel inputs, unproved widths, and zero points that the unit does not convert."""
        kind = call.datapath.avg_pool2d.kind
        check_per_tensor(call, 0)
        check_accumulator(call)
        if kind == "folded":
            self._check_folded(call)
            return
        check_output_axis(call)
        if self.count_include_pad and any(self.padding):
            raise IllFormed(
                "the datapath's average pool divides by the taps inside the image, and the padding counts here",
                where=call.step,
                got=f"padding {self.padding}",
                expected="count_include_pad = False, or no padding",
                next_step="choose a datapath whose avg_pool2d is folded",
            )
        if kind == "reciprocal":
            check_int64(call, "scaled accumulator", held_accumulator(call).magnitude * RECIPROCAL_LIMIT + (1 << 60))
        elif call.inputs[0].zero_point != call.output.zero_point:
            raise IllFormed(
                "the datapath's average pool sums raw codes, and input and output have different zero points",
                where=f"{call.step}: tensor {call.output.name}",
                got=call.output.zero_point[0],
                expected=call.inputs[0].zero_point[0],
                next_step="give the output the input's scale and zero point",
            )

    def _check_folded(self, call: Call) -> None:
        """Refuse constants that the requantizer cannot hold, or that are not one for each count of taps."""
        if self.count_include_pad:
            check_requantizer(call, 1)
            return
        for role in self.roles_on(call.datapath):
            if len(call.constants[role]) != self.taps:
                raise IllFormed(
                    f"constant '{role}' has the wrong shape",
                    where=call.step,
                    got=call.constants[role].shape,
                    expected=f"{self.taps} entries, one for each number of taps inside the image",
                )
        check_requantizer(call, self.taps, parts=True)

    def bound(self, call: Call) -> AccumulatorBound:
        """kh*kw times the ends of the range of what is summed."""
        raw = call.datapath.avg_pool2d.kind == "divide"
        low, high = call.inputs[0].code_range if raw else centred(call, 0)
        return AccumulatorBound(min(low, 0) * self.taps, max(high, 0) * self.taps)

    def work(self, call: Call) -> Work:
        """One addition a tap (padded taps too, as a machine spends them), one requantization or division an output."""
        size = call.output.size
        last: VectorOp = "divide" if call.datapath.avg_pool2d.kind == "divide" else "requantize"
        return Work(None, {"add": size * self.taps, last: size})
