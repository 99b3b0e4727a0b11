"""Products of bytes over both cores, finished into words that are interpolated into bytes; for the binders of plan/."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import get_thread_id, parallel_jit, prange
from bittrue.simulator.plan.curve_tile import Entries, curve_tile, depthwise_curve_tile
from bittrue.simulator.plan.sums import Bytes, Places


@parallel_jit
def gemm_curve(
    source: Bytes,
    rows: Places,
    segments: Places,
    words: int,
    weight: NDArray[np.int8],
    columns: int,
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
    scratch: NDArray[np.int32],
) -> None:
    """`words_products.gemm_words`, each code interpolated into a byte; entries, firsts, rule: `interpolation.Curve`."""
    stride = segments.size * words * 64
    for tile in prange(rows.size // 8):
        sums = scratch[get_thread_id()]
        for column in range(0, columns, 16):
            curve_tile(
                source,
                rows,
                8 * tile,
                segments,
                words,
                weight,
                column // 16 * stride,
                column,
                min(16, columns - column),
                correction,
                multiplier,
                offset,
                shift,
                zero,
                low,
                high,
                unused,
                entries,
                firsts,
                rule,
                target,
                target_rows,
                sums,
            )


@parallel_jit
def depthwise_curve(
    source: Bytes,
    starts: Places,
    taps: Places,
    weight: NDArray[np.int8],
    channels: int,
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
    scratch: NDArray[np.int32],
) -> None:
    """`depthwise_words`, each code interpolated into a byte, as in `gemm_curve`."""
    for tile in prange(starts.size // 8):
        sums = scratch[get_thread_id()]
        for column in range(0, channels, 16):
            depthwise_curve_tile(
                source,
                starts,
                8 * tile,
                taps,
                weight,
                column * taps.size,
                column,
                min(16, channels - column),
                correction,
                multiplier,
                offset,
                shift,
                zero,
                low,
                high,
                unused,
                entries,
                firsts,
                rule,
                target,
                target_rows,
                sums,
            )
