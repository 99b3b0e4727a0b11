"""The judge of linear: rows times transposed weights; formula in spec/ops/linear.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.accumulator import accumulate
from bittrue.golden.multiplier import activation, weights
from bittrue.golden.requantizer import Stages, constant, requantize
from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[..., I] codes -> [..., O] codes, int64."""
    weight = weights(call)
    rows = activation(call, operands, 0).reshape(-1, weight.shape[1])
    accumulator = accumulate(call, rows, weight.T, constant(call, "bias")).reshape(call.output.shape)
    return requantize(call, accumulator, accumulator.ndim - 1, stages)
