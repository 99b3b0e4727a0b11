"""weighted_sum: sum over the last axis of the product of two activations, then requantization.

    accumulator[..., 0] = sum over i (ascending) of (a[..., i] - z_a) * (b[..., i] - z_b)
    output[..., 0]      = clamp(round_shift(accumulator * multiplier, shift) + zero_point)

The key-times-score context of MobileViTv2's separable attention (arXiv 2206.02680, Eq. 2): a = key
[1, C, P, N], b = score [1, 1, P, N]. An axis of b of size 1 repeats; the last axes are equal.
The last line is the plain requantizer; spec/units/requantization.py has the datapath's.

With `divide_by_row_sum`, b holds exponentials of a softmax that did not divide, and the requantizer gets

    quotient[..., 0] = accumulator[..., 0] / sum over i of b[..., i]                with fraction bits

as spec/units/softmax/unnormalised.py says: row_sum and reciprocal have b's shape with a last axis of 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec import row_division
from bittrue.spec.bounds import check_accumulator, contraction_bound
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import AccumulatorBound, Call, Gemm, Op, Shape, Work
from bittrue.spec.requantizer import check_operand, check_per_tensor, check_requantizer
from bittrue.spec.row_division import check_row_division


@dataclass(frozen=True)
class WeightedSum(Op):
    """Attributes: whether to divide by the sums of b's rows."""

    name: ClassVar[str] = "weighted_sum"
    requantizes: ClassVar[bool] = True
    stages: ClassVar[tuple[str, ...]] = ("accumulator", "rounded")
    arity: ClassVar[int | None] = 2

    divide_by_row_sum: bool = False

    def stages_on(self, datapath: Datapath) -> tuple[str, ...]:
        """Those of the division where there is one."""
        return row_division.STAGES if self.divide_by_row_sum else self.stages

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """[..., N] and a broadcastable [..., N] -> [..., 1]."""
        a, b = shapes
        if len(a) != len(b) or a[-1] != b[-1] or any(y not in (1, x) for x, y in zip(a, b, strict=True)):
            raise IllFormed(
                "weighted_sum operands do not fit", got=(a, b), expected="b's axes equal to a's or 1, the last equal"
            )
        return (*a[:-1], 1)

    def check(self, call: Call) -> None:
        """Refuse wide or per-channel operands and unproved widths."""
        for index in (0, 1):
            check_per_tensor(call, index)
            check_operand(call, index, call.datapath.mac.activation_bits_max)
        check_accumulator(call)
        check_requantizer(call, 1, magnitude=check_row_division(call, 1, 0) if self.divide_by_row_sum else None)

    def bound(self, call: Call) -> AccumulatorBound:
        """N times the largest product, or the softmax row sum times the other operand's reach."""
        return contraction_bound(call, call.inputs[0].shape[-1], along_last_axis=(True, True))

    def work(self, call: Call) -> Work:
        """One dot product for each output: a GEMM of m = n = 1, which no array does well."""
        gemm = Gemm(call.output.size, 1, 1, call.inputs[0].shape[-1])
        return Work(gemm, row_division.work(call, 1) if self.divide_by_row_sum else {"requantize": call.output.size})
