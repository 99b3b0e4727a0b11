"""Products of bytes over both cores whose results have 9 to 16 bits, for the binders of plan/."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import get_thread_id, parallel_jit, prange
from bittrue.simulator.plan.sums import Bytes, Places
from bittrue.simulator.plan.words_tile import Words, depthwise_words_tile, words_tile


@parallel_jit
def gemm_words(
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
    target: Words,
    target_rows: Places,
    scratch: NDArray[np.int32],
) -> None:
    """`gemm.gemm_codes` for outputs of 9 to 16 bits."""
    stride = segments.size * words * 64
    for tile in prange(rows.size // 8):
        sums = scratch[get_thread_id()]
        for column in range(0, columns, 16):
            words_tile(
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
                target,
                target_rows,
                sums,
            )


@parallel_jit
def depthwise_words(
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
    target: Words,
    target_rows: Places,
    scratch: NDArray[np.int32],
) -> None:
    """`depthwise.depthwise_codes` for outputs of 9 to 16 bits."""
    for tile in prange(starts.size // 8):
        sums = scratch[get_thread_id()]
        for column in range(0, channels, 16):
            depthwise_words_tile(
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
                target,
                target_rows,
                sums,
            )
