"""A tile of products finished into bytes: requantized and read from the table that follows.

Two statements of each function: the sums of `sums.py` and loops behind them, or all of it in vector registers
(`tile_code.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import inlined_jit
from bittrue.simulator.plan import tile_code
from bittrue.simulator.plan.processor import has_vnni
from bittrue.simulator.plan.sums import Bytes, Places, depthwise_sums, pairs_tile, sums_tile, wrapped

# What numba takes for functions of addresses, and no type checker does.
emit_codes: Any = tile_code.tile_codes
emit_depthwise: Any = tile_code.depthwise_codes


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


codes_tile = _codes_vector if has_vnni() else _codes_portable
depthwise_tile = _depthwise_vector if has_vnni() else _depthwise_portable
"""The ones that this processor has."""
