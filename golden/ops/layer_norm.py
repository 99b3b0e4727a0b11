"""The judge of layer_norm: rows are the last axis; formulas in spec/ops/layer_norm.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.requantizer import Stages
from bittrue.golden.row_norm import judge
from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[..., C] codes -> [..., C] codes, int64. Stages of a row have shape [..., 1], the others [..., C]."""
    codes = operands[0]
    return judge(call, codes.reshape(-1, codes.shape[-1]), lambda values: values, stages)
