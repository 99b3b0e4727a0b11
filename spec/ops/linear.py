"""linear: matrix product with constant weights over the last axis, then requantization.

    accumulator[..., o] = bias[o] + sum over i (ascending) of q[..., i] * weight[o, i]
    output[..., o]      = clamp(round_shift(accumulator * multiplier[o], shift[o]) + zero_point[o])

bias[o] holds the folded input zero points, or q - z_x is multiplied, as in conv2d; scales of the input along its last
axis are folded into the weights as there. Input [..., I], output [..., O].
The last line is the plain requantizer; spec/units/requantization.py has the datapath's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec.bounds import check_accumulator, weighted_bound
from bittrue.spec.op import AccumulatorBound, Call, Gemm, Op, Shape, Work
from bittrue.spec.requantizer import (
    check_input_channels,
    check_operand,
    check_requantizer,
    check_weight,
    check_weight_shape,
)


@dataclass(frozen=True)
class Linear(Op):
    """Attributes: number of output features O."""

    name: ClassVar[str] = "linear"
    roles: ClassVar[tuple[str, ...]] = ("weight", "bias")
    requantizes: ClassVar[bool] = True
    stages: ClassVar[tuple[str, ...]] = ("accumulator", "rounded")

    out_features: int

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """[..., I] -> [..., O]."""
        (shape,) = shapes
        return (*shape[:-1], self.out_features)

    def check(self, call: Call) -> None:
        """Refuse operands and constants that the datapath cannot hold, and unproved widths."""
        check_input_channels(call, len(call.inputs[0].shape) - 1)
        check_operand(call, 0, call.datapath.mac.activation_bits_max)
        check_weight(call)
        check_accumulator(call)
        check_requantizer(call, self.out_features, axis=len(call.output.shape) - 1)

    def bound(self, call: Call) -> AccumulatorBound:
        """Sum of |w| times the reach of the code range, for each output feature."""
        check_weight_shape(call, (self.out_features, call.inputs[0].shape[-1]))
        return weighted_bound(call, call.constants["weight"])

    def work(self, call: Call) -> Work:
        """One GEMM over all rows."""
        *rows, features = call.inputs[0].shape
        return Work(Gemm(1, math.prod(rows), self.out_features, features), {"requantize": call.output.size})
