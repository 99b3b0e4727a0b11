"""The judge of avg_pool2d: sum over a window, rows first; formulas in spec/ops/avg_pool2d.py and spec/units/pool.py."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor

from bittrue.golden.accumulator import accumulate
from bittrue.golden.fixed import clamp
from bittrue.golden.requantizer import (
    Stages,
    before_zero_point,
    centred,
    constant,
    requantize,
    step_pipeline,
    to_codes,
)
from bittrue.golden.units.pool import quotient, reciprocal_product
from bittrue.spec.op import Call
from bittrue.spec.ops.avg_pool2d import AvgPool2d
from bittrue.spec.units.pool import DividePool, FoldedPool


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[1, C, H, W] codes -> [1, C, OH, OW] codes, int64."""
    op, unit = call.op, call.datapath.avg_pool2d
    assert isinstance(op, AvgPool2d)
    taps = _windows(op, operands[0] if isinstance(unit, DividePool) else centred(call, operands, 0))
    ones = torch.ones(taps.shape[-1], 1, dtype=torch.int64)
    accumulator = accumulate(call, taps, ones).reshape(call.output.shape)
    if isinstance(unit, FoldedPool) and op.count_include_pad:
        return requantize(call, accumulator, 1, stages)
    count = _windows(op, torch.ones_like(operands[0])).sum(dim=-1)  # of the taps inside the image
    if isinstance(unit, FoldedPool):
        found = step_pipeline(call, accumulator, {r: constant(call, r)[count - 1] for r in call.requantizer.roles})
        rounded, output = before_zero_point(found), found["output"]
    elif isinstance(unit, DividePool):
        rounded = quotient(accumulator, count, unit.rounding)
        output = clamp(rounded, *call.output.code_range)
    else:
        rounded = reciprocal_product(accumulator, count)
        output = to_codes(call.output, rounded)
    if stages is not None:
        stages.update(accumulator=accumulator, rounded=rounded)
    return output


def _windows(op: AvgPool2d, image: Tensor) -> Tensor:
    """[1, C, H, W] -> [1, C, OH, OW, kh*kw], rows first; 0 outside the image."""
    (pad_y, pad_x), (stride_y, stride_x) = op.padding, op.stride
    padded = F.pad(image, (pad_x, pad_x, pad_y, pad_y))
    return padded.unfold(2, op.kernel[0], stride_y).unfold(3, op.kernel[1], stride_x).flatten(4)
