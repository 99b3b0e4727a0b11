"""avg_pool2d, fast: each window's codes as a row of terms, then the unit's division; see spec/ops/avg_pool2d.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bittrue.simulator.accumulate import accumulate_terms, centred
from bittrue.simulator.requantize import Integers, Requantizer, finish_planes, one_plane
from bittrue.simulator.units.pool import quotients, reciprocal_products
from bittrue.spec.op import Call
from bittrue.spec.ops.avg_pool2d import AvgPool2d
from bittrue.spec.units.pool import DividePool, FoldedPool


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Codes [1, C, H, W] -> [1, C, OH, OW]; fills `accumulator` and `rounded` [1, C, OH, OW] int64."""
    op, unit, shape = call.op, call.datapath.avg_pool2d, call.output.shape
    assert isinstance(op, AvgPool2d)
    zero_point = 0 if isinstance(unit, DividePool) else call.inputs[0].zero_point[0]
    image = centred(operands[0], zero_point, np.dtype(np.int64))
    accumulator = accumulate_terms(call, _windows(op, image).reshape(call.output.size, -1))
    if isinstance(unit, FoldedPool) and op.count_include_pad:
        return finish_planes(call, one_plane(accumulator), Requantizer.of(call), stages)
    totals = np.asarray(accumulator, np.int64).reshape(shape)
    inside = _windows(op, np.ones((1, 1, *image.shape[2:]), np.int64)).sum(axis=(4, 5))
    counts = np.ascontiguousarray(np.broadcast_to(inside, shape))
    if isinstance(unit, FoldedPool):
        return _by_count(call, totals, counts, stages)
    if isinstance(unit, DividePool):
        rounded = placed = quotients(totals, counts, unit.rounding)
    else:
        rounded = reciprocal_products(totals, counts)
        placed = rounded + call.output.zero_point[0]
    if stages is not None:
        stages.update(accumulator=totals, rounded=rounded)
    return np.clip(placed, *call.output.code_range).astype(call.output.dtype)


def _by_count(call: Call, totals: Integers, counts: Integers, stages: dict[str, np.ndarray] | None) -> Integers:
    """Every window through the requantizer of its number of taps inside the image."""
    codes, rounded = np.empty(totals.shape, call.output.dtype), np.empty(totals.shape, np.int64)
    for count in np.unique(counts).tolist():
        requantizer, alike = Requantizer.of(call, part=count - 1), counts == count
        plane = one_plane(totals[alike])
        codes[alike] = requantizer.planes(plane, codes.dtype).reshape(-1)
        if stages is not None:
            rounded[alike] = requantizer.rounded.planes(plane, np.int64).reshape(-1)
    if stages is not None:
        stages.update(accumulator=totals, rounded=rounded)
    return codes


def _windows(op: AvgPool2d, image: Integers) -> Integers:
    """[1, C, H, W] -> [1, C, OH, OW, kh, kw], taps outside the image 0."""
    (pad_y, pad_x), (stride_y, stride_x) = op.padding, op.stride
    padded = np.pad(image, ((0, 0), (0, 0), (pad_y, pad_y), (pad_x, pad_x)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, op.kernel, axis=(2, 3))
    return windows[:, :, ::stride_y, ::stride_x]
