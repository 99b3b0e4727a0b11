"""avg_pool2d, fast: each window's codes as a row of terms, then one requantization; see spec/ops/avg_pool2d.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bittrue.simulator.accumulate import accumulate_terms, centred
from bittrue.simulator.requantize import Requantizer, finish_planes, one_plane
from bittrue.spec.op import Call
from bittrue.spec.ops.avg_pool2d import AvgPool2d


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Codes [1, C, H, W] -> [1, C, OH, OW]; fills `accumulator` and `rounded` [1, C, OH, OW] int64."""
    op = call.op
    assert isinstance(op, AvgPool2d)
    (pad_y, pad_x), (stride_y, stride_x) = op.padding, op.stride
    image = centred(operands[0], call.inputs[0].zero_point[0], np.dtype(np.int64))
    padded = np.pad(image, ((0, 0), (0, 0), (pad_y, pad_y), (pad_x, pad_x)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, op.kernel, axis=(2, 3))[:, :, ::stride_y, ::stride_x]
    terms = windows.reshape(call.output.size, -1)
    return finish_planes(call, one_plane(accumulate_terms(call, terms)), Requantizer.of(call), stages)
