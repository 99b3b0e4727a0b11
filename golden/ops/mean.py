"""The judge of mean: sum over the last two axes, rows first; formula in spec/ops/mean.py."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bittrue.golden.accumulator import accumulate
from bittrue.golden.requantizer import Stages, centred, requantize
from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[1, C, H, W] codes -> [1, C, 1, 1] codes, int64."""
    rows = centred(call, operands, 0).flatten(2)  # [1, C, H*W]
    ones = torch.ones(rows.shape[-1], 1, dtype=torch.int64)
    accumulator = accumulate(call, rows, ones).reshape(call.output.shape)
    return requantize(call, accumulator, 1, stages)
