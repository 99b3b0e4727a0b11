"""The judge of mean: sum over the last two axes, rows first; formulas in spec/ops/mean.py and spec/units/mean.py."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bittrue.golden.accumulator import accumulate
from bittrue.golden.fixed import clamp
from bittrue.golden.requantizer import Stages, centred, constant, requantize, zero_points
from bittrue.golden.units.mean import scaled_sum
from bittrue.spec.op import Call
from bittrue.spec.units.mean import Float32Mean


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[1, C, H, W] codes -> [1, C, 1, 1] codes, int64."""
    raw = isinstance(call.datapath.mean, Float32Mean)
    rows = (operands[0] if raw else centred(call, operands, 0)).flatten(2)  # [1, C, H*W]
    count = rows.shape[-1]
    accumulator = accumulate(call, rows, torch.ones(count, 1, dtype=torch.int64)).reshape(call.output.shape)
    if not raw:
        return requantize(call, accumulator, 1, stages)
    rounded = scaled_sum(
        accumulator,
        count=count,
        zero_point_x=zero_points(call.inputs[0]),
        scale=constant(call, "scale"),
        zero_point=zero_points(call.output),
    )
    if stages is not None:
        stages.update(accumulator=accumulator, rounded=rounded)
    return clamp(rounded, *call.output.code_range)
