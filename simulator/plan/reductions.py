"""mean and weighted_sum of the fast machine: sums over positions, channels innermost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import get_thread_id, jit, parallel_jit, prange
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.finish import finish_of, padded, unused_bits, wrapped_int32
from bittrue.simulator.plan.storage import byte_offset
from bittrue.simulator.plan.sums import Bytes, Places, wrapped
from bittrue.simulator.plan.tile import finish_row
from bittrue.simulator.plan.view import View
from bittrue.spec.op import Call
from bittrue.spec.ops.weighted_sum import WeightedSum

Bound = Callable[[], object]


def bind_mean(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """The folded unit: a weighted sum with ones."""
    (source,), (_, channels, height, width) = builder.operands(call), call.inputs[0].shape
    if call.datapath.mean.kind != "folded" or source.spec.bits > 16 or source.view.run(1) != 1:
        return None
    ones = np.ones(height * width, np.uint16)
    positions = source.view.offsets((2, 3))[None]
    rows = np.arange(ones.size, dtype=np.int64)[None]
    return _bind(builder, call, positions, channels, ones, rows, 0, by_sum=False)


def bind_weighted_sum(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """Sums over the last axis of an image [1, C, P, N], weighted by probabilities [1, 1, P, N]."""
    source, weights = builder.operands(call)
    if cast(WeightedSum, call.op).divide_by_row_sum or not source.is_bytes or source.spec.axis is not None:
        return None
    shape, given = source.spec.shape, weights.spec
    if len(shape) != 4 or given.shape != (1, 1, *shape[2:]) or source.view.run(1) != 1:
        return None
    if given.axis is not None or given.bits > 16:
        return None
    rows = weights.view.offsets((2, 3)).reshape(shape[2:])
    positions = source.view.offsets((2, 3)).reshape(shape[2:])
    weight_zero = given.zero_point[0] + byte_offset(given)
    return _bind(builder, call, positions, shape[1], weights.data, rows, weight_zero, by_sum=True)


def _bind(
    builder: Builder,
    call: Call,
    positions: Places,
    channels: int,
    weights: NDArray[np.integer],
    rows: Places,
    weight_zero: int,
    *,
    by_sum: bool,
) -> Bound | None:
    """Sums over positions [groups, n] of channels times weights at rows [groups, n]."""
    unused, finish, source = unused_bits(call), finish_of(call, channels), builder.operands(call)[0]
    if unused is None or finish is None or call.output.bits > 8:
        return None
    place = builder.place(call.output, View.dense(call.output.shape, (0, 2, 3, 1)))
    zero = source.spec.zero_point[0] + byte_offset(source.spec)
    correction = 0 if by_sum else -zero * positions.shape[1]
    return partial(
        weighted_sums,
        source.data,
        positions,
        weights,
        rows,
        zero if by_sum else 0,
        weight_zero,
        padded(wrapped_int32(np.full(channels, correction, np.int64)), np.int32),
        finish.multiplier,
        finish.offset,
        finish.shift,
        finish.zero,
        finish.low,
        finish.high,
        unused,
        place.data,
        place.view.offsets([axis for axis in range(len(call.output.shape)) if axis != 1]),
        channels,
        np.zeros((builder.threads, channels), np.int32),
    )


@jit
def weighted_run(
    source: NDArray[np.integer],
    positions: Places,
    weights: NDArray[np.integer],
    rows: Places,
    channels: int,
    zero_point: int,
    weight_zero: int,
    sums: NDArray[np.int32],
) -> np.int64:
    """sums[c] = the sum over i of (source[positions[i] + c] - zero_point) * w_i modulo 2**32; gives the sum of w_i.

    w_i = weights[rows[i]] - weight_zero.
    """
    sums[:] = 0
    total = np.int64(0)
    for i in range(positions.size):
        begin, weight = positions[i], np.int32(np.int64(weights[rows[i]]) - weight_zero)
        total += np.int64(weight)
        run = source[begin : begin + channels]
        for c in range(channels):
            sums[c] = np.int32(sums[c] + np.int32(run[c]) * weight)
    less = np.int64(wrapped(zero_point * total))
    for c in range(channels):
        sums[c] = wrapped(np.int64(sums[c]) - less)
    return total


@parallel_jit
def weighted_sums(
    source: NDArray[np.integer],
    positions: Places,
    weights: NDArray[np.integer],
    rows: Places,
    zero_point: int,
    weight_zero: int,
    correction: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    offset: Places,
    shift: Places,
    zero: NDArray[np.int32],
    low: int,
    high: int,
    unused: int,
    target: Bytes,
    places: Places,
    channels: int,
    scratch: NDArray[np.int32],
) -> None:
    """One run of channels a group; sums as `weighted_run` says; scratch a row a thread."""
    for g in prange(positions.shape[0]):
        sums = scratch[get_thread_id()]
        weighted_run(source, positions[g], weights, rows[g], channels, zero_point, weight_zero, sums)
        finish_row(
            sums, 0, channels, 0, correction, multiplier, offset, shift, zero, low, high, unused, target, places[g]
        )
