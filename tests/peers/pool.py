"""The average pool of a datapath: it is no unit of `bittrue unit`, so the step itself runs, kernel or judge."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from op_parts import build, tensor
from peers.layers import Array, AveragePool, same_padding

from bittrue.golden.ops import JUDGES
from bittrue.simulator.kernels import KERNELS
from bittrue.spec.datapath import Datapath
from bittrue.spec.ops import AvgPool2d


def symmetric_padding(size: int, window: int, stride: int, *, same: bool) -> int | None:
    """Padding on each side; None where TFLite's SAME pads more behind than in front."""
    front, behind = same_padding(size, window, stride) if same else (0, 0)
    return front if front == behind else None


def average_pool(
    datapath: Datapath, layer: AveragePool, codes: Array, limits: tuple[int, int], by: Literal["simulator", "reference"]
) -> Array:
    """[1, h, w, c] codes -> [1, h', w', c]. A datapath that folds the count into its multiplier is none of these."""
    paddings = [symmetric_padding(side, layer.window, layer.stride, same=layer.same) for side in layer.x.shape[1:3]]
    assert None not in paddings, "the layer's padding is not symmetric"
    padding = paddings[0] or 0, paddings[1] or 0
    op = AvgPool2d((layer.window, layer.window), (layer.stride, layer.stride), padding, count_include_pad=False)
    zero = (layer.x.zero_point,)
    x = tensor("x", _planes(layer.x.shape), zero_point=zero)
    y = tensor("y", _planes(layer.y.shape), zero_point=(layer.y.zero_point,))
    call = build(op, [x], y, {}, datapath)
    planes = np.ascontiguousarray(np.moveaxis(codes, 3, 1))
    if by == "simulator":
        found = KERNELS[op.name](call, [planes], None)
    else:
        found = JUDGES[op.name](call, [torch.from_numpy(planes.astype(np.int64))], None).numpy()
    return np.clip(np.moveaxis(found, 1, 3), *limits)


def _planes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """NHWC -> NCHW."""
    return shape[0], shape[3], *shape[1:3]
