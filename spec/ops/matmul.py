"""matmul: product of two activations over batched matrices, then requantization.

    accumulator[..., m, n] = sum over k (ascending) of (a[..., m, k] - z_a) * (b[..., k, n] - z_b)
    output[..., m, n]      = clamp(round_shift(accumulator * multiplier, shift) + zero_point)

With `transpose_b`, b is [..., n, k]. The zero points are subtracted before the product. Leading axes
of a and b are equal. There is no bias. multiplier and shift are per tensor, and so are the scales.
The last line is the plain requantizer; spec/units/requantization.py has the datapath's.

With `divide_by_row_sum`, a holds exponentials of a softmax that did not divide, and the requantizer gets

    quotient[..., m, n] = accumulator[..., m, n] / sum over k of a[..., m, k]       with fraction bits

as spec/units/softmax/unnormalised.py says: row_sum and reciprocal are [..., M, 1].
"""

from __future__ import annotations

import math
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
class MatMul(Op):
    """Attributes: whether b holds its matrices transposed, whether to divide by the sums of a's rows."""

    name: ClassVar[str] = "matmul"
    requantizes: ClassVar[bool] = True
    stages: ClassVar[tuple[str, ...]] = ("accumulator", "rounded")
    arity: ClassVar[int | None] = 2

    transpose_b: bool = False
    divide_by_row_sum: bool = False

    def stages_on(self, datapath: Datapath) -> tuple[str, ...]:
        """Those of the division where there is one."""
        return row_division.STAGES if self.divide_by_row_sum else self.stages

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """[..., M, K] and [..., K, N] (or [..., N, K]) -> [..., M, N]."""
        a, b = shapes
        if len(a) < 2 or len(a) != len(b) or a[:-2] != b[:-2] or a[-1] != b[-1 if self.transpose_b else -2]:
            raise IllFormed(
                "matmul operands do not fit",
                got=(a, b),
                expected="[..., M, K] and " + ("[..., N, K]" if self.transpose_b else "[..., K, N]"),
            )
        return (*a[:-1], b[-2 if self.transpose_b else -1])

    def check(self, call: Call) -> None:
        """Refuse wide or per-channel operands and unproved widths."""
        for index in (0, 1):
            check_per_tensor(call, index)
            check_operand(call, index, call.datapath.mac.activation_bits_max)
        check_accumulator(call)
        check_requantizer(call, 1, magnitude=check_row_division(call, 0, 1) if self.divide_by_row_sum else None)

    def bound(self, call: Call) -> AccumulatorBound:
        """K times the largest product, or the softmax row sum times the other operand's reach."""
        return contraction_bound(call, call.inputs[0].shape[-1], along_last_axis=(True, self.transpose_b))

    def work(self, call: Call) -> Work:
        """One GEMM for each leading index."""
        *batch, m, n = call.output.shape
        gemm = Gemm(math.prod(batch), m, n, call.inputs[0].shape[-1])
        return Work(gemm, row_division.work(call, 0) if self.divide_by_row_sum else {"requantize": call.output.size})
