"""The judge of matmul: product of two centred activations; formula in spec/ops/matmul.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.accumulator import accumulate
from bittrue.golden.multiplier import factor
from bittrue.golden.requantizer import Stages, requantize
from bittrue.golden.row_division import requantize_divided
from bittrue.spec.op import Call
from bittrue.spec.ops.matmul import MatMul


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[..., M, K] and [..., K, N] (or [..., N, K]) codes -> [..., M, N] codes, int64."""
    op = call.op
    assert isinstance(op, MatMul)
    a, b = factor(call, operands, 0), factor(call, operands, 1)
    accumulator = accumulate(call, a, b.transpose(-1, -2) if op.transpose_b else b)
    if op.divide_by_row_sum:
        return requantize_divided(call, accumulator, operands[0], accumulator.ndim - 1, stages)
    return requantize(call, accumulator, accumulator.ndim - 1, stages)
