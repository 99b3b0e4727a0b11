"""The sums of a tile: 8 rows of unsigned bytes by 16 columns of signed bytes, or 16 channels of 8 pixels.

Two statements of each function, one in loops and one in vector instructions (`products_code.py`). Sums are int32
and wrap modulo 2**32, so that a result which is proved to fit 32 bits is exact whatever the sums on the way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import inlined_jit, jit
from bittrue.simulator.plan import tile_code
from bittrue.simulator.plan.lanes_code import COLUMNS, DEPTH, ROWS
from bittrue.simulator.plan.processor import vector_level

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]

__all__ = ["COLUMNS", "DEPTH", "ROWS", "Bytes", "Places", "depthwise_sums", "pairs_tile", "sums_tile", "wrapped"]

# What numba takes for functions of addresses, and no type checker does.
emit_sums: Any = tile_code.tile_sums
emit_pair_sums: Any = tile_code.pair_sums
emit_depthwise_sums: Any = tile_code.depthwise_sums


@jit
def wrapped(value: Any) -> Any:
    """What 32 bits keep of an integer."""
    return np.int32(((value + (1 << 31)) & ((1 << 32) - 1)) - (1 << 31))


@jit
def _sums_portable(
    source: Bytes,
    rows: Places,
    row: int,
    segments: Places,
    words: int,
    weight: NDArray[np.int8],
    first: int,
    sums: NDArray[np.int32],
    to: int,
    pitch: int,
) -> None:
    """sums[to + r * pitch + j] = sum over k of byte k of row r times weight byte k of column j.

    rows: where each row begins in source, of which row .. row + 7 are read; segments: where each run of
    4 * words bytes begins within a row; weight: [segments * words, 16, 4] from element `first` on.
    """
    for r in range(8):
        target = sums[to + r * pitch : to + r * pitch + 16]
        target[:] = 0
        at = first
        for s in range(segments.size):
            base = rows[row + r] + segments[s]
            for k in range(words):
                for b in range(4):
                    byte = np.int64(source[base + 4 * k + b])
                    for j in range(16):
                        # Of a sum past 32 bits the low 32 count.
                        target[j] = wrapped(np.int64(target[j]) + byte * np.int64(weight[at + 4 * j + b]))
                at += 64


@jit
def _pairs_portable(
    source: Bytes,
    rows: Places,
    row: int,
    segments: Places,
    words: int,
    weight: NDArray[np.int8],
    first: int,
    sums: NDArray[np.int32],
) -> None:
    """`_sums_portable` for words of two numbers: (unsigned 16 bits - 2**15) times signed 16 bits, low byte first."""
    sums[:128] = 0
    for r in range(8):
        at = first
        for s in range(segments.size):
            base = rows[row + r] + segments[s]
            for k in range(words):
                for p in range(2):
                    low = base + 4 * k + 2 * p
                    number = np.int64(source[low]) + 256 * np.int64(source[low + 1]) - (1 << 15)
                    for j in range(16):
                        to = at + 4 * j + 2 * p
                        factor = (np.int64(weight[to]) & 255) + 256 * np.int64(weight[to + 1])
                        sums[16 * r + j] = wrapped(np.int64(sums[16 * r + j]) + number * factor)
                at += 64


@inlined_jit
def _sums_vector(
    source: Bytes,
    rows: Places,
    row: int,
    segments: Places,
    words: int,
    weight: NDArray[np.int8],
    first: int,
    sums: NDArray[np.int32],
    to: int,
    pitch: int,
) -> None:
    """As `_sums_portable`."""
    emit_sums(
        source.ctypes.data,
        rows.ctypes.data + 8 * row,
        segments.ctypes.data,
        segments.size,
        words,
        weight.ctypes.data + first,
        sums.ctypes.data + 4 * to,
        4 * pitch,
    )


@inlined_jit
def _pairs_vector(
    source: Bytes,
    rows: Places,
    row: int,
    segments: Places,
    words: int,
    weight: NDArray[np.int8],
    first: int,
    sums: NDArray[np.int32],
) -> None:
    """As `_pairs_portable`."""
    emit_pair_sums(
        source.ctypes.data,
        rows.ctypes.data + 8 * row,
        segments.ctypes.data,
        segments.size,
        words,
        weight.ctypes.data + first,
        sums.ctypes.data,
        64,
    )


IN_LOOPS = vector_level() == "loops"
sums_tile = _sums_portable if IN_LOOPS else _sums_vector
pairs_tile = _pairs_portable if IN_LOOPS else _pairs_vector
"""The ones that this processor has."""


@jit
def _depthwise_sums_portable(
    source: Bytes,
    rows: Places,
    row: int,
    taps: Places,
    weight: NDArray[np.int8],
    first: int,
    column: int,
    count: int,
    sums: NDArray[np.int32],
) -> None:
    """sums[16 * r + j] = sum over taps t of source[rows[row + r] + taps[t] + column + j] times its weight, j < count.

    weight: [taps / 4, 16, 4] from element `first` on; taps are padded to fours, where weights are 0.
    """
    for r in range(8):
        total = sums[16 * r : 16 * r + 16]
        total[:] = 0
        for t in range(taps.size):
            begin, at = rows[row + r] + taps[t] + column, first + t // 4 * 64 + t % 4
            for j in range(count):
                product = np.int64(source[begin + j]) * np.int64(weight[at + 4 * j])
                total[j] = wrapped(np.int64(total[j]) + product)


@inlined_jit
def _depthwise_sums_vector(
    source: Bytes,
    rows: Places,
    row: int,
    taps: Places,
    weight: NDArray[np.int8],
    first: int,
    column: int,
    count: int,
    sums: NDArray[np.int32],
) -> None:
    """As `_depthwise_sums_portable`, all 16 columns."""
    emit_depthwise_sums(
        source.ctypes.data + column,
        rows.ctypes.data + 8 * row,
        taps.ctypes.data,
        taps.size // 4,
        weight.ctypes.data + first,
        sums.ctypes.data,
        64,
    )


depthwise_sums = _depthwise_sums_portable if IN_LOOPS else _depthwise_sums_vector
"""The one that this processor has."""
