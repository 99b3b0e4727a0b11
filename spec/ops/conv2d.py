"""conv2d: two-dimensional convolution, grouped or depthwise, then requantization.

    accumulator[o, y, x] = bias[o]
        + sum over (ky, kx, c) of q[c', y*sy + ky - py, x*sx + kx - px] * weight[o, c, ky, kx]
    output[o, y, x]      = clamp(round_shift(accumulator * multiplier[o], shift[o]) + zero_point[o])

c runs over the I/groups input channels of o's group, c' = group(o) * I/groups + c. A tap outside the
image reads the input's zero point of its channel. The input zero point is folded into the bias:
bias[o] = round(b[o] / (s_x s_w[o])) - sum over taps of z_x[c'] * weight[o, c, ky, kx].
Where the datapath subtracts zero points (mac.zero_point = "subtracted"), (q - z_x) is multiplied, a tap
outside the image adds nothing, and bias[o] = round(b[o] / (s_x s_w[o])); only a depthwise convolution then takes an
input whose zero points differ between channels.
An input may have a scale s_c a channel. A depthwise convolution has s_x = s_c of its channel; any other has
s_x = max over c of s_c, and weight[o, c] is quantized from W[o, c] * (s_c / s_x) (docs/design.md, decision 5).
Order, tiles and every register on the way are the MAC's: spec/units/mac.py.
Input [1, I, H, W], output [1, O, OH, OW].
The last line is the plain requantizer; spec/units/requantization.py has the datapath's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec.bounds import check_accumulator, weighted_bound
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import AccumulatorBound, Call, Gemm, Op, Shape, Work
from bittrue.spec.requantizer import (
    check_input_channels,
    check_operand,
    check_requantizer,
    check_weight,
    check_weight_shape,
)
from bittrue.spec.window import window_sides


@dataclass(frozen=True)
class Conv2d(Op):
    """Attributes: output channels, kernel, stride and padding (each (y, x)), groups. Dilation is 1."""

    name: ClassVar[str] = "conv2d"
    roles: ClassVar[tuple[str, ...]] = ("weight", "bias")
    requantizes: ClassVar[bool] = True
    stages: ClassVar[tuple[str, ...]] = ("accumulator", "rounded")

    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """[1, I, H, W] -> [1, O, OH, OW] with OH = (H + 2 py - kh) // sy + 1."""
        (shape,) = shapes
        if len(shape) != 4 or shape[0] != 1:
            raise IllFormed("conv2d takes one image", got=shape, expected="[1, channels, height, width]")
        if self.groups < 1 or shape[1] % self.groups or self.out_channels % self.groups:
            raise IllFormed("groups must divide the channels", got=(shape[1], self.out_channels, self.groups))
        sides = window_sides((shape[2], shape[3]), self.kernel, self.stride, self.padding)
        return (1, self.out_channels, *sides)

    def check(self, call: Call) -> None:
        """Refuse padding with a zero point that is no code, and unproved widths."""
        low, high = call.inputs[0].code_range
        folded = call.datapath.mac.zero_point == "folded"
        if folded and any(self.padding) and not all(low <= z <= high for z in call.inputs[0].zero_point):
            raise IllFormed(
                "padding reads the zero point, which is not a code of the input",
                where=call.step,
                got=call.inputs[0].zero_point,
                expected=f"{low}..{high}",
                next_step="calibrate the padded tensor with 0 inside its range",
            )
        check_input_channels(call, 1, depthwise=self.groups == call.inputs[0].shape[1])
        check_operand(call, 0, call.datapath.mac.activation_bits_max)
        check_weight(call)
        check_accumulator(call)
        check_requantizer(call, self.out_channels, axis=1)

    def bound(self, call: Call) -> AccumulatorBound:
        """Sum of |w| times the reach of the code range, for each output channel."""
        check_weight_shape(call, (self.out_channels, call.inputs[0].shape[1] // self.groups, *self.kernel))
        return weighted_bound(call, call.constants["weight"].reshape(self.out_channels, -1))

    def work(self, call: Call) -> Work:
        """Padded taps count as MACs, as a systolic array spends them."""
        _, channels, height, width = call.output.shape
        taps = call.inputs[0].shape[1] // self.groups * self.kernel[0] * self.kernel[1]
        gemm = Gemm(self.groups, height * width, channels // self.groups, taps)
        return Work(gemm, {"requantize": call.output.size})
