"""Matrix products of bytes over both cores: any rows of a buffer by packed weights; for the binders of plan/.

A row is K bytes in runs (`segments`) that every row has at the same distance from its start: a pixel's channels,
or the kh runs of kw * C bytes below a kernel's window.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import get_thread_id, parallel_jit, prange
from bittrue.simulator.plan.sums import COLUMNS, DEPTH, ROWS, Bytes, Places, sums_tile
from bittrue.simulator.plan.tile import codes_tile


def pack(weight: NDArray[np.integer], segments: int) -> NDArray[np.int8]:
    """Weights [columns, K] -> flat [blocks of 16 columns, segments, words, 16, 4]; what is padded is 0.

    K is `segments` runs of equal length; each is padded to whole words of 4 bytes.
    """
    columns, length = weight.shape[0], weight.shape[1] // segments
    blocks, words = -(-columns // COLUMNS), -(-length // DEPTH)
    padded = np.zeros((blocks * COLUMNS, segments, words * DEPTH), np.int8)
    padded[:columns, :, :length] = weight.reshape(columns, segments, length)
    split = padded.reshape(blocks, COLUMNS, segments, words, DEPTH)
    return np.ascontiguousarray(split.transpose(0, 2, 3, 1, 4)).reshape(-1)


def whole_tiles(places: Places) -> Places:
    """Row offsets padded to whole tiles by the last row, which is then computed again to the same bytes."""
    return np.concatenate([places, np.repeat(places[-1:], -places.size % ROWS)])


@parallel_jit
def gemm_codes(
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
    table: Bytes,
    target: Bytes,
    target_rows: Places,
    scratch: NDArray[np.int32],
) -> None:
    """Output bytes of every row; rows and target_rows are whole tiles; see `tile.codes_tile`.

    scratch: [threads, 256] at least.
    """
    stride = segments.size * words * 64
    for tile in prange(rows.size // 8):
        sums = scratch[get_thread_id()]
        for column in range(0, columns, 16):
            codes_tile(
                source,
                rows,
                8 * tile,
                segments,
                words,
                weight,
                column // 16 * stride,
                0,
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
                table,
                target,
                target_rows,
                sums,
            )


@parallel_jit
def gemm_sums(
    source: Bytes,
    rows: Places,
    segments: Places,
    words: int,
    weight: NDArray[np.int8],
    correction: NDArray[np.int32],
    target: NDArray[np.int32],
    scratch: NDArray[np.int32],
) -> None:
    """Accumulators [rows, columns] modulo 2**32, the correction of each column added."""
    columns, stride = target.shape[1], segments.size * words * 64
    for tile in prange(rows.size // 8):
        sums = scratch[get_thread_id()]
        for column in range(0, columns, 16):
            sums_tile(source, rows, 8 * tile, segments, words, weight, column // 16 * stride, sums, 0, 16)
            for r in range(min(8, target.shape[0] - 8 * tile)):
                for j in range(min(16, columns - column)):
                    target[8 * tile + r, column + j] = sums[16 * r + j] + correction[column + j]
