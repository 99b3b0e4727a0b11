"""avg_pool2d: average over a sliding window, then requantization.

    accumulator[1, c, y, x] = sum over (ky, kx), rows first, of (q[1, c, y*sy + ky - py, x*sx + kx - px] - z)
    output[1, c, y, x]      = clamp(round_shift(accumulator * multiplier, shift) + zero_point)

A tap outside the image is a real 0 and adds nothing, and every window is divided by kh*kw (torch's
count_include_pad); that division is part of the multiplier. Input [1, C, H, W], output [1, C, OH, OW];
multiplier and shift have shape [1]. The sum runs in the MAC accumulator. `mean` is the window that
covers the whole image.
Where the datapath rounds twice, `scale` of spec/arithmetic.py stands for round_shift here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec.bounds import centred, check_accumulator
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import AccumulatorBound, Call, Op, Shape, Work
from bittrue.spec.requantizer import check_per_tensor, check_requantizer
from bittrue.spec.window import window_sides


@dataclass(frozen=True)
class AvgPool2d(Op):
    """Attributes: kernel, stride and padding, each (y, x)."""

    name: ClassVar[str] = "avg_pool2d"
    roles: ClassVar[tuple[str, ...]] = ("multiplier", "shift")
    stages: ClassVar[tuple[str, ...]] = ("accumulator", "rounded")

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)

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
        """Refuse per-channel inputs and unproved widths."""
        check_per_tensor(call, 0)
        check_accumulator(call)
        check_requantizer(call, 1)

    def bound(self, call: Call) -> AccumulatorBound:
        """kh*kw times the ends of the centred code range."""
        low, high = centred(call, 0)
        taps = self.kernel[0] * self.kernel[1]
        return AccumulatorBound(min(low, 0) * taps, max(high, 0) * taps)

    def work(self, call: Call) -> Work:
        """One addition a tap (padded taps too, as a machine spends them), one requantization an output."""
        size = call.output.size
        return Work(None, {"add": size * self.kernel[0] * self.kernel[1], "requantize": size})
