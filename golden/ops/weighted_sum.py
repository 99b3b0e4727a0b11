"""The judge of weighted_sum: dot products over the last axis; formula in spec/ops/weighted_sum.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.accumulator import accumulate
from bittrue.golden.requantizer import Stages, centred, requantize
from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[..., N] and a broadcastable [..., N] codes -> [..., 1] codes, int64."""
    a, b = centred(call, operands, 0), centred(call, operands, 1)
    products = accumulate(call, a.unsqueeze(-2), b.unsqueeze(-1))  # [..., 1, N] @ [..., N, 1]
    return requantize(call, products.squeeze(-1), 1, stages)
