"""The innermost products of the fast machine: 8 rows of unsigned bytes by 16 columns of signed bytes.

Two statements of each function, one in loops and one in vector instructions (`vector_code.py`). Sums are int32
and wrap modulo 2**32, so that a result which is proved to fit 32 bits is exact whatever the sums on the way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import inlined_jit, jit
from bittrue.simulator.plan import vector_code
from bittrue.simulator.plan.processor import has_vnni, vector_level

ROWS, COLUMNS, DEPTH = 8, 16, 4
"""Rows and columns of a tile, and bytes of K in one word."""

# What numba takes for functions of addresses, and no type checker does.
emit_sums: Any = vector_code.tile_sums
emit_pair_sums: Any = vector_code.pair_sums
emit_depthwise_sums: Any = vector_code.depthwise_sums
emit_codes: Any = vector_code.tile_codes
emit_depthwise: Any = vector_code.depthwise_codes
emit_map: Any = vector_code.map_bytes
emit_pairs: Any = vector_code.map_pairs

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]


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


@jit
def wrapped(value: Any) -> Any:
    """What 32 bits keep of an integer."""
    return np.int32(((value + (1 << 31)) & ((1 << 32) - 1)) - (1 << 31))


@inlined_jit
def finish_row(
    sums: NDArray[np.int32],
    at: int,
    count: int,
    column: int,
    correction: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    offset: Places,
    shift: Places,
    zero: NDArray[np.int32],
    low: int,
    high: int,
    unused: int,
    target: NDArray[np.integer],
    to: int,
) -> None:
    """target[to + j] = clamp(((a * multiplier + offset) >> shift) + zero, low, high).

    a = keep(sums[at + j] + correction); keep wraps to 32 - unused bits. Constants are read from index `column` on.
    """
    for j in range(count):
        c = column + j
        biased = np.int64(wrapped(np.int64(sums[at + j]) + np.int64(correction[c])))
        if unused > 0:
            biased = np.int64(wrapped(biased << unused)) >> unused
        placed = ((biased * np.int64(multiplier[c]) + offset[c]) >> shift[c]) + np.int64(zero[c])
        target[to + j] = min(max(placed, low), high)


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


@inlined_jit
def _codes_portable(
    source: Bytes,
    rows: Places,
    row: int,
    segments: Places,
    words: int,
    weight: NDArray[np.int8],
    first: int,
    pairs: int,
    column: int,
    count: int,
    correction: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    offset: Places,
    shift: Places,
    zero: NDArray[np.int32],
    low: int,
    high: int,
    unused: int,
    table: Bytes,
    target: Bytes,
    target_rows: Places,
    sums: NDArray[np.int32],
) -> None:
    """`sums` of one tile, then `finish_row` of its first `count` columns, then the table where it has entries.

    Row r goes to target from target_rows[row + r] + column on. pairs: 1 where `_pairs_portable` says
    what the sums are. sums: scratch of 128.
    """
    if pairs > 0:
        pairs_tile(source, rows, row, segments, words, weight, first, sums)
    else:
        sums_tile(source, rows, row, segments, words, weight, first, sums, 0, 16)
    for r in range(8):
        to = target_rows[row + r] + column
        finish_row(
            sums, 16 * r, count, column, correction, multiplier, offset, shift, zero, low, high, unused, target, to
        )
        if table.size > 0:
            for j in range(count):
                target[to + j] = table[target[to + j]]


@inlined_jit
def _codes_vector(
    source: Bytes,
    rows: Places,
    row: int,
    segments: Places,
    words: int,
    weight: NDArray[np.int8],
    first: int,
    pairs: int,
    column: int,
    count: int,
    correction: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    offset: Places,
    shift: Places,
    zero: NDArray[np.int32],
    low: int,
    high: int,
    unused: int,
    table: Bytes,
    target: Bytes,
    target_rows: Places,
    sums: NDArray[np.int32],
) -> None:
    """As `_codes_portable`; what leaves the shift fits 32 bits, constants are padded to whole tiles."""
    emit_codes(
        source.ctypes.data,
        rows.ctypes.data + 8 * row,
        segments.ctypes.data,
        segments.size,
        words,
        weight.ctypes.data + first,
        pairs,
        correction.ctypes.data + 4 * column,
        multiplier.ctypes.data + 4 * column,
        offset.ctypes.data + 8 * column,
        shift.ctypes.data + 8 * column,
        zero.ctypes.data + 4 * column,
        low,
        high,
        unused,
        table.ctypes.data if table.size > 0 else 0,
        target.ctypes.data + column,
        target_rows.ctypes.data + 8 * row,
        (1 << count) - 1,
    )


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


@inlined_jit
def _depthwise_portable(
    source: Bytes,
    rows: Places,
    row: int,
    taps: Places,
    weight: NDArray[np.int8],
    first: int,
    column: int,
    count: int,
    correction: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    offset: Places,
    shift: Places,
    zero: NDArray[np.int32],
    low: int,
    high: int,
    unused: int,
    table: Bytes,
    target: Bytes,
    target_rows: Places,
    sums: NDArray[np.int32],
) -> None:
    """As `_codes_portable`, of the sums of `depthwise_sums`."""
    depthwise_sums(source, rows, row, taps, weight, first, column, count, sums)
    for r in range(8):
        to = target_rows[row + r] + column
        finish_row(
            sums, 16 * r, count, column, correction, multiplier, offset, shift, zero, low, high, unused, target, to
        )
        if table.size > 0:
            for j in range(count):
                target[to + j] = table[target[to + j]]


@inlined_jit
def _depthwise_vector(
    source: Bytes,
    rows: Places,
    row: int,
    taps: Places,
    weight: NDArray[np.int8],
    first: int,
    column: int,
    count: int,
    correction: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    offset: Places,
    shift: Places,
    zero: NDArray[np.int32],
    low: int,
    high: int,
    unused: int,
    table: Bytes,
    target: Bytes,
    target_rows: Places,
    sums: NDArray[np.int32],
) -> None:
    """As `_depthwise_portable`, under the conditions of `_codes_vector`."""
    emit_depthwise(
        source.ctypes.data + column,
        rows.ctypes.data + 8 * row,
        taps.ctypes.data,
        taps.size // 4,
        weight.ctypes.data + first,
        correction.ctypes.data + 4 * column,
        multiplier.ctypes.data + 4 * column,
        offset.ctypes.data + 8 * column,
        shift.ctypes.data + 8 * column,
        zero.ctypes.data + 4 * column,
        low,
        high,
        unused,
        table.ctypes.data if table.size > 0 else 0,
        target.ctypes.data + column,
        target_rows.ctypes.data + 8 * row,
        (1 << count) - 1,
    )


@jit
def _map_portable(source: Bytes, start: int, target: Bytes, to: int, count: int, table: Bytes) -> None:
    """target[to + i] = table[source[start + i]] for i < count."""
    for i in range(count):
        target[to + i] = table[source[start + i]]


@inlined_jit
def _map_vector(source: Bytes, start: int, target: Bytes, to: int, count: int, table: Bytes) -> None:
    """As `_map_portable`, count >= 1."""
    emit_map(source.ctypes.data + start, target.ctypes.data + to, count, table.ctypes.data)


@jit
def _pairs_run_portable(
    upper: Bytes, start: int, lower: Bytes, begin: int, target: Bytes, to: int, count: int, table: Bytes
) -> None:
    """target[to + i] = table[256 * upper[start + i] + lower[begin + i]] for i < count."""
    for i in range(count):
        target[to + i] = table[np.int64(upper[start + i]) * 256 + np.int64(lower[begin + i])]


@inlined_jit
def _pairs_run_vector(
    upper: Bytes, start: int, lower: Bytes, begin: int, target: Bytes, to: int, count: int, table: Bytes
) -> None:
    """As `_pairs_run_portable`; 15 bytes behind either run and 3 behind the table can be read."""
    emit_pairs(upper.ctypes.data + start, lower.ctypes.data + begin, target.ctypes.data + to, count, table.ctypes.data)


codes_tile = _codes_vector if has_vnni() else _codes_portable
pairs_run = _pairs_run_vector if has_vnni() else _pairs_run_portable
map_run = _map_vector if has_vnni() else _map_portable
depthwise_tile = _depthwise_vector if has_vnni() else _depthwise_portable
"""The ones that this processor has."""
