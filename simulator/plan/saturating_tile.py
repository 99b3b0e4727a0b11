"""The innermost sums whose order counts: 8 rows by 16 columns, one product after the other; for saturating.py.

As in `tile.py` there are two statements of each function. Words are int32: a code of a row as the multiplier takes
it, and a weight of a column. The vector statement takes either these words, or scaled ones (`saturating_code.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import inlined_jit, jit
from bittrue.simulator.plan import saturating_code
from bittrue.simulator.plan.processor import has_vnni, vector_level
from bittrue.simulator.plan.sums import Bytes, Places, wrapped
from bittrue.simulator.plan.tile import finish_row

Words = NDArray[np.int32]

# What numba takes for functions of addresses, and no type checker does.
emit_clamped: Any = saturating_code.tile_clamped
emit_scaled: Any = saturating_code.tile_scaled
emit_depthwise: Any = saturating_code.depthwise_clamped
emit_finished: Any = saturating_code.tile_finished


@jit
def fill_words(
    source: NDArray[np.integer],
    rows: Places,
    row: int,
    runs: Places,
    length: int,
    offset: int,
    scale: int,
    words: Words,
) -> None:
    """words [8, runs, length] = (what row + r holds behind the start of each run - offset) * scale."""
    for r in range(8):
        for s in range(runs.size):
            begin, to = rows[row + r] + runs[s], (r * runs.size + s) * length
            run, target = source[begin : begin + length], words[to : to + length]
            for i in range(length):
                target[i] = (np.int64(run[i]) - offset) * scale


@jit
def _ordered_portable(
    words: Words,
    depth: int,
    weight: Words,
    first: int,
    start: Words,
    column: int,
    shift: int,
    low: int,
    high: int,
    sums: Words,
) -> None:
    """sums [8, 16] = start[column ..], then for each k < depth: sum = clamp(sum + word * weight word, low, high).

    words: [8, depth]; weight: [depth, 16] from `first` on; shift: 0. No sum of a held one and a product may leave
    int32.
    """
    least, most = np.int32(low), np.int32(high)
    for r in range(8):
        total = sums[16 * r : 16 * r + 16]
        for j in range(16):
            total[j] = start[column + j]
        for k in range(depth):
            word, run = np.int64(words[r * depth + k]), weight[first + 16 * k : first + 16 * k + 16]
            for j in range(16):
                added = np.int32(np.int64(total[j]) + word * np.int64(run[j]))
                total[j] = min(max(added, least), most)


@inlined_jit
def _ordered_vector(
    words: Words,
    depth: int,
    weight: Words,
    first: int,
    start: Words,
    column: int,
    shift: int,
    low: int,
    high: int,
    sums: Words,
) -> None:
    """As `_ordered_portable`, in vectors of any processor."""
    emit_clamped(
        words.ctypes.data,
        weight.ctypes.data + 4 * first,
        depth,
        start.ctypes.data + 4 * column,
        low,
        high,
        sums.ctypes.data,
    )


@inlined_jit
def _ordered_scaled(
    words: Words,
    depth: int,
    weight: Words,
    first: int,
    start: Words,
    column: int,
    shift: int,
    low: int,
    high: int,
    sums: Words,
) -> None:
    """As `_ordered_vector`; with shift > 0 words are scaled, for a register of 32 - shift bits."""
    if shift > 0:
        emit_scaled(
            words.ctypes.data,
            weight.ctypes.data + 4 * first,
            depth,
            start.ctypes.data + 4 * column,
            shift,
            sums.ctypes.data,
        )
    else:
        _ordered_vector(words, depth, weight, first, start, column, shift, low, high, sums)


@jit
def _depthwise_portable(
    source: Bytes,
    rows: Places,
    row: int,
    taps: Places,
    weight: Words,
    pitch: int,
    column: int,
    count: int,
    taken: Words,
    start: Words,
    low: int,
    high: int,
    sums: Words,
) -> None:
    """sums [8, 16] as `_ordered_portable`, tap by tap: word j is source[rows[row + r] + tap + column + j] - taken.

    weight: flat [taps, pitch]; taken, start and weights are read from `column` on, `count` of them.
    """
    least, most = np.int32(low), np.int32(high)
    for r in range(8):
        total = sums[16 * r : 16 * r + 16]
        for j in range(count):
            total[j] = start[column + j]
        for t in range(taps.size):
            begin, first = rows[row + r] + taps[t] + column, t * pitch + column
            run, factors = source[begin : begin + count], weight[first : first + count]
            for j in range(count):
                code = np.int64(np.int32(np.int64(run[j]) - np.int64(taken[column + j])))
                added = np.int32(np.int64(total[j]) + code * np.int64(factors[j]))
                total[j] = min(max(added, least), most)


@inlined_jit
def _depthwise_vector(
    source: Bytes,
    rows: Places,
    row: int,
    taps: Places,
    weight: Words,
    pitch: int,
    column: int,
    count: int,
    taken: Words,
    start: Words,
    low: int,
    high: int,
    sums: Words,
) -> None:
    """As `_depthwise_portable`, for whole tiles: constants are padded."""
    emit_depthwise(
        source.ctypes.data + column,
        rows.ctypes.data + 8 * row,
        taps.ctypes.data,
        taps.size,
        weight.ctypes.data + 4 * column,
        4 * pitch,
        taken.ctypes.data + 4 * column,
        start.ctypes.data + 4 * column,
        low,
        high,
        sums.ctypes.data,
    )


@jit
def _finish_portable(
    sums: Words,
    row: int,
    column: int,
    count: int,
    last: Words,
    held_low: int,
    held_high: int,
    nothing: Words,
    multiplier: Words,
    offset: Places,
    shift: Places,
    zero: Words,
    low: int,
    high: int,
    table: Bytes,
    target: Bytes,
    target_rows: Places,
) -> None:
    """Output bytes of sums [8, 16]: a = clamp(sum + last, held_low, held_high), `tile.finish_row`, then the table.

    The first `count` columns are written. nothing: zeros, as many as there are columns.
    """
    limit_sums(sums, column, last, held_low, held_high)
    for r in range(8):
        to = target_rows[row + r] + column
        finish_row(sums, 16 * r, count, column, nothing, multiplier, offset, shift, zero, low, high, 0, target, to)
        if table.size > 0:
            for j in range(count):
                target[to + j] = table[target[to + j]]


@jit
def limit_sums(sums: Words, column: int, last: Words, held_low: int, held_high: int) -> None:
    """sums [8, 16] = clamp(sum + last[column ..], held_low, held_high); sums are kept modulo 2**32."""
    for r in range(8):
        for j in range(16):
            total: Any = np.int64(wrapped(np.int64(sums[16 * r + j]) + np.int64(last[column + j])))
            sums[16 * r + j] = min(max(total, held_low), held_high)


@inlined_jit
def _finish_vector(
    sums: Words,
    row: int,
    column: int,
    count: int,
    last: Words,
    held_low: int,
    held_high: int,
    nothing: Words,
    multiplier: Words,
    offset: Places,
    shift: Places,
    zero: Words,
    low: int,
    high: int,
    table: Bytes,
    target: Bytes,
    target_rows: Places,
) -> None:
    """As `_finish_portable`, under the conditions of `tile.codes_tile`."""
    emit_finished(
        sums.ctypes.data,
        last.ctypes.data + 4 * column,
        held_low,
        held_high,
        nothing.ctypes.data,
        multiplier.ctypes.data + 4 * column,
        offset.ctypes.data + 8 * column,
        shift.ctypes.data + 8 * column,
        zero.ctypes.data + 4 * column,
        low,
        high,
        table.ctypes.data if table.size > 0 else 0,
        target.ctypes.data + column,
        target_rows.ctypes.data + 8 * row,
        (1 << count) - 1,
    )


if vector_level() == "loops":
    ordered_tile, ordered_depthwise = _ordered_portable, _depthwise_portable
else:
    ordered_tile = _ordered_scaled if has_vnni() else _ordered_vector
    ordered_depthwise = _depthwise_vector
finish_tile = _finish_vector if has_vnni() else _finish_portable
"""The ones that this process has."""
