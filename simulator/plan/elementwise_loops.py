"""The loops of elementwise.py and addition.py over runs of bytes and over images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import get_thread_id, parallel_jit, prange
from bittrue.simulator.plan.runs import map_run, pairs_run
from bittrue.simulator.plan.sums import Bytes, Places


@parallel_jit
def map_runs(source: Bytes, starts: Places, target: Bytes, places: Places, length: int, table: Bytes) -> None:
    """target = table[source] over runs of `length`."""
    for r in prange(starts.size):
        map_run(source, starts[r], target, places[r], length, table)


@parallel_jit
def map_planes(
    source: Bytes,
    starts: Places,
    step: int,
    plane: int,
    target: Bytes,
    places: Places,
    stride: int,
    target_plane: int,
    width: int,
    channels: int,
    table: Bytes,
    scratch: Bytes,
) -> None:
    """target = table[source] row by row, channels inside pixels, whatever the distances of both in either array.

    scratch: [threads, 3 * width].
    """
    for y in prange(starts.size):
        if step == 1 and channels == 3:  # an image: look the planes up as they lie, then put them into each other
            row = scratch[get_thread_id()]
            for c in range(3):
                map_run(source, starts[y] + c * plane, row, c * width, width, table)
            red, green, blue = row[:width], row[width : 2 * width], row[2 * width : 3 * width]
            out = target[places[y] :]
            for x in range(width):
                out[x * stride] = red[x]
                out[x * stride + target_plane] = green[x]
                out[x * stride + 2 * target_plane] = blue[x]
            continue
        for x in range(width):
            begin, to = starts[y] + x * step, places[y] + x * stride
            for c in range(channels):
                target[to + c * target_plane] = table[source[begin + c * plane]]


@parallel_jit
def pair_runs(
    a: Bytes, a_starts: Places, b: Bytes, b_starts: Places, target: Bytes, places: Places, length: int, table: Bytes
) -> None:
    """target = table[a * 256 + b] over runs of `length`."""
    for r in prange(places.size):
        left, right, to = a_starts[r], b_starts[r], places[r]
        pairs_run(a, left, b, right, target, to, length, table)


@parallel_jit
def add_runs(
    a: NDArray[np.integer],
    a_starts: Places,
    a_multiplier: np.int32,
    b: NDArray[np.integer],
    b_starts: Places,
    b_multiplier: np.int32,
    offset: int,
    shift: int,
    zero: int,
    low: int,
    high: int,
    target: NDArray[np.integer],
    places: Places,
    length: int,
) -> None:
    """target = clamp(((a * a_multiplier + b * b_multiplier + offset) >> shift) + zero, low, high) over runs.

    The multipliers are int32, so that products of 32 by 32 bits are compiled, not of 64 by 64.
    """
    m, n = np.int64(a_multiplier), np.int64(b_multiplier)
    for r in prange(places.size):
        left, right, to = a[a_starts[r] :], b[b_starts[r] :], target[places[r] :]
        for i in range(length):
            value: Any = ((np.int64(left[i]) * m + np.int64(right[i]) * n + offset) >> shift) + zero
            to[i] = min(max(value, low), high)


@parallel_jit
def mul_runs(
    a: Bytes,
    a_starts: Places,
    a_zero: np.int32,
    b: Bytes,
    b_starts: Places,
    b_zero: np.int32,
    multiplier: np.int32,
    offset: int,
    shift: int,
    zero: int,
    low: int,
    high: int,
    target: Bytes,
    places: Places,
    length: int,
) -> None:
    """target = clamp((((a - a_zero) * (b - b_zero) * multiplier + offset) >> shift) + zero, low, high) over runs.

    The product of codes fits 32 bits, and so does what leaves the shift.
    """
    m = np.int64(multiplier)
    for r in prange(places.size):
        left, right, to = a[a_starts[r] :], b[b_starts[r] :], target[places[r] :]
        for i in range(length):
            x, y = np.int32(np.int32(left[i]) - a_zero), np.int32(np.int32(right[i]) - b_zero)
            value: Any = ((np.int64(np.int32(x * y)) * m + offset) >> shift) + zero
            to[i] = min(max(value, low), high)
