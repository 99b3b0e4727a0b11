"""A tile of products finished into codes of 9 to 16 bits and interpolated into bytes at once.

Two statements of each function, as in `words_tile.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import inlined_jit
from bittrue.simulator.plan import words_code
from bittrue.simulator.plan.processor import has_vnni
from bittrue.simulator.plan.sums import Bytes, Places, depthwise_sums, sums_tile
from bittrue.simulator.plan.tile import finish_row

Entries = NDArray[np.int16]

# What numba takes for functions of addresses, and no type checker does.
emit_curve: Any = words_code.tile_curve
emit_depthwise_curve: Any = words_code.depthwise_curve


@inlined_jit
def interpolate_row(
    codes: NDArray[np.int32],
    at: int,
    count: int,
    column: int,
    low: int,
    entries: Entries,
    firsts: NDArray[np.int32],
    rule: Places,
    target: Bytes,
    to: int,
) -> None:
    """target[to + j] = the byte between two nodes where the code at + j lies, j < count; see `interpolation.Curve`.

    firsts are read from index `column` on.
    """
    step, rounding, shift = rule[0], rule[1], rule[2]
    for j in range(count):
        distance = np.int64(codes[at + j]) - low
        pair = 2 * (np.int64(firsts[column + j]) + (distance >> step))
        rest = distance & ((1 << step) - 1)
        value = np.int64(entries[pair]) * ((1 << step) - rest) + np.int64(entries[pair + 1]) * rest
        target[to + j] = (value + rounding) >> shift


@inlined_jit
def _curve_portable(
    source: Bytes,
    rows: Places,
    row: int,
    segments: Places,
    words: int,
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
    entries: Entries,
    firsts: NDArray[np.int32],
    rule: Places,
    target: Bytes,
    target_rows: Places,
    sums: NDArray[np.int32],
) -> None:
    """As `words_tile._words_portable`, then `interpolate_row`."""
    sums_tile(source, rows, row, segments, words, weight, first, sums, 0, 16)
    for r in range(8):
        to = target_rows[row + r] + column
        finish_row(
            sums, 16 * r, count, column, correction, multiplier, offset, shift, zero, low, high, unused, sums, 16 * r
        )
        interpolate_row(sums, 16 * r, count, column, low, entries, firsts, rule, target, to)


@inlined_jit
def _curve_vector(
    source: Bytes,
    rows: Places,
    row: int,
    segments: Places,
    words: int,
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
    entries: Entries,
    firsts: NDArray[np.int32],
    rule: Places,
    target: Bytes,
    target_rows: Places,
    sums: NDArray[np.int32],
) -> None:
    """As `_curve_portable`, under the conditions of `tile._codes_vector`."""
    emit_curve(
        source.ctypes.data,
        rows.ctypes.data + 8 * row,
        segments.ctypes.data,
        segments.size,
        words,
        weight.ctypes.data + first,
        correction.ctypes.data + 4 * column,
        multiplier.ctypes.data + 4 * column,
        offset.ctypes.data + 8 * column,
        shift.ctypes.data + 8 * column,
        zero.ctypes.data + 4 * column,
        low,
        high,
        unused,
        entries.ctypes.data,
        firsts.ctypes.data + 4 * column,
        rule.ctypes.data,
        target.ctypes.data + column,
        target_rows.ctypes.data + 8 * row,
        (1 << count) - 1,
    )


@inlined_jit
def _depthwise_curve_portable(
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
    entries: Entries,
    firsts: NDArray[np.int32],
    rule: Places,
    target: Bytes,
    target_rows: Places,
    sums: NDArray[np.int32],
) -> None:
    """As `_curve_portable`, of the sums of `depthwise_sums`."""
    depthwise_sums(source, rows, row, taps, weight, first, column, count, sums)
    for r in range(8):
        to = target_rows[row + r] + column
        finish_row(
            sums, 16 * r, count, column, correction, multiplier, offset, shift, zero, low, high, unused, sums, 16 * r
        )
        interpolate_row(sums, 16 * r, count, column, low, entries, firsts, rule, target, to)


@inlined_jit
def _depthwise_curve_vector(
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
    entries: Entries,
    firsts: NDArray[np.int32],
    rule: Places,
    target: Bytes,
    target_rows: Places,
    sums: NDArray[np.int32],
) -> None:
    """As `_depthwise_curve_portable`, under the conditions of `tile._codes_vector`."""
    emit_depthwise_curve(
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
        entries.ctypes.data,
        firsts.ctypes.data + 4 * column,
        rule.ctypes.data,
        target.ctypes.data + column,
        target_rows.ctypes.data + 8 * row,
        (1 << count) - 1,
    )


curve_tile = _curve_vector if has_vnni() else _curve_portable
depthwise_curve_tile = _depthwise_curve_vector if has_vnni() else _depthwise_curve_portable
"""The ones that this processor has."""
