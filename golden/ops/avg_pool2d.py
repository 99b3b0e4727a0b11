"""The judge of avg_pool2d: sum over a window, rows first; formula in spec/ops/avg_pool2d.py."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor

from bittrue.golden.accumulator import accumulate
from bittrue.golden.requantizer import Stages, centred, requantize
from bittrue.spec.op import Call
from bittrue.spec.ops.avg_pool2d import AvgPool2d


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[1, C, H, W] codes -> [1, C, OH, OW] codes, int64."""
    op = call.op
    assert isinstance(op, AvgPool2d)
    (pad_y, pad_x), (stride_y, stride_x) = op.padding, op.stride
    image = F.pad(centred(call, operands, 0), (pad_x, pad_x, pad_y, pad_y))
    windows = image.unfold(2, op.kernel[0], stride_y).unfold(3, op.kernel[1], stride_x).flatten(4)
    ones = torch.ones(windows.shape[-1], 1, dtype=torch.int64)
    accumulator = accumulate(call, windows, ones).reshape(call.output.shape)
    return requantize(call, accumulator, 1, stages)
