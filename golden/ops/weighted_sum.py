"""The judge of weighted_sum: dot products over the last axis; formula in spec/ops/weighted_sum.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.accumulator import accumulate
from bittrue.golden.multiplier import factor
from bittrue.golden.requantizer import Stages, requantize
from bittrue.golden.row_division import requantize_divided
from bittrue.spec.op import Call
from bittrue.spec.ops.weighted_sum import WeightedSum


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[..., N] and a broadcastable [..., N] codes -> [..., 1] codes, int64."""
    a, b = factor(call, operands, 0), factor(call, operands, 1)
    products = accumulate(call, a.unsqueeze(-2), b.unsqueeze(-1))  # [..., 1, N] @ [..., N, 1]
    op, accumulator = call.op, products.squeeze(-1)
    assert isinstance(op, WeightedSum)
    if op.divide_by_row_sum:
        return requantize_divided(call, accumulator, operands[1], 1, stages)
    return requantize(call, accumulator, 1, stages)
