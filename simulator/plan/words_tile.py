"""A tile of products finished into codes of 9 to 16 bits.

Two statements of each function, as in `tile.py`: the sums of `sums.py` and loops behind them, or all of it in vector
registers (`words_code.py`).
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

Words = NDArray[np.integer]

# What numba takes for functions of addresses, and no type checker does.
emit_words: Any = words_code.tile_words
emit_depthwise_words: Any = words_code.depthwise_words


@inlined_jit
def _words_portable(
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
    target: Words,
    target_rows: Places,
    sums: NDArray[np.int32],
) -> None:
    """Row r, finished by `finish_row`, goes to target from target_rows[row + r] + column on.

    Arguments as of `tile.codes_tile`; sums: scratch of 128.
    """
    sums_tile(source, rows, row, segments, words, weight, first, sums, 0, 16)
    for r in range(8):
        to = target_rows[row + r] + column
        finish_row(
            sums, 16 * r, count, column, correction, multiplier, offset, shift, zero, low, high, unused, target, to
        )


@inlined_jit
def _words_vector(
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
    target: Words,
    target_rows: Places,
    sums: NDArray[np.int32],
) -> None:
    """As `_words_portable`, under the conditions of `tile._codes_vector`."""
    emit_words(
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
        target.ctypes.data + 2 * column,
        target_rows.ctypes.data + 8 * row,
        (1 << count) - 1,
    )


@inlined_jit
def _depthwise_words_portable(
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
    target: Words,
    target_rows: Places,
    sums: NDArray[np.int32],
) -> None:
    """As `_words_portable`, of the sums of `depthwise_sums`."""
    depthwise_sums(source, rows, row, taps, weight, first, column, count, sums)
    for r in range(8):
        to = target_rows[row + r] + column
        finish_row(
            sums, 16 * r, count, column, correction, multiplier, offset, shift, zero, low, high, unused, target, to
        )


@inlined_jit
def _depthwise_words_vector(
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
    target: Words,
    target_rows: Places,
    sums: NDArray[np.int32],
) -> None:
    """As `_depthwise_words_portable`, under the conditions of `tile._codes_vector`."""
    emit_depthwise_words(
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
        target.ctypes.data + 2 * column,
        target_rows.ctypes.data + 8 * row,
        (1 << count) - 1,
    )


words_tile = _words_vector if has_vnni() else _words_portable
depthwise_words_tile = _depthwise_words_vector if has_vnni() else _depthwise_words_portable
"""The ones that this processor has."""
