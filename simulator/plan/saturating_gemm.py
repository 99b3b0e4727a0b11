"""Matrix products whose accumulators saturate on the way, over both cores; for the binders of saturating.py.

A block of 16 columns takes one of two ways: sums in the machine's order, or, where its weights prove that no partial
sum leaves the register, the dot products of `tile.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import get_thread_id, parallel_jit, prange
from bittrue.simulator.plan.saturating_tile import (
    Words,
    fill_words,
    finish_tile,
    limit_sums,
    ordered_tile,
)
from bittrue.simulator.plan.sums import Bytes, Places, sums_tile

Flags = NDArray[np.bool_]


def pack_words(weight: NDArray[np.integer]) -> Words:
    """Weights [columns, K] -> flat int32 [blocks of 16 columns, K, 16]; what is padded is 0."""
    columns, depth = weight.shape
    padded = np.zeros((-(-columns // 16) * 16, depth), np.int32)
    padded[:columns] = weight
    return np.ascontiguousarray(padded.reshape(-1, 16, depth).transpose(0, 2, 1)).reshape(-1)


@parallel_jit
def saturating_codes(
    source: NDArray[np.integer],
    memory: Bytes,
    rows: Places,
    segments: Places,
    packed_words: int,
    packed: NDArray[np.int8],
    dotted: Flags,
    runs: Places,
    length: int,
    taken: int,
    scale: int,
    weight: Words,
    start: Words,
    shift: int,
    low: int,
    high: int,
    last: Words,
    held_low: int,
    held_high: int,
    nothing: Words,
    multiplier: Words,
    offset: Places,
    shifts: Places,
    zero: Words,
    code_low: int,
    code_high: int,
    table: Bytes,
    target: Bytes,
    target_rows: Places,
    accumulators: Words,
    columns: int,
    scratch: Words,
    words_scratch: Words,
) -> None:
    """Output bytes of every row; rows and target_rows are whole tiles; see `saturating_tile.py`.

    memory, segments, packed_words, packed: as `gemm.gemm_codes` has them, for the dotted blocks; source, runs, length,
    taken, scale: as `fill_words` has them, for the others. scratch [threads, 128], words_scratch [threads, 8 * K].
    accumulators: [rows, columns] that are filled, and nothing else, or [0, columns].
    """
    depth, packed_size = runs.size * length, 64 * segments.size * packed_words
    ordered = not dotted.all()
    for tile in prange(rows.size // 8):
        me = get_thread_id()
        sums, words = scratch[me], words_scratch[me]
        if ordered:
            fill_words(source, rows, 8 * tile, runs, length, taken, scale, words)
        for block in range(dotted.size):
            if dotted[block]:
                sums_tile(memory, rows, 8 * tile, segments, packed_words, packed, block * packed_size, sums, 0, 16)
            else:
                ordered_tile(words, depth, weight, block * depth * 16, start, 16 * block, shift, low, high, sums)
            if accumulators.size == 0:
                finish_tile(
                    sums, 8 * tile, 16 * block, min(16, columns - 16 * block), last, held_low, held_high, nothing,
                    multiplier, offset, shifts, zero, code_low, code_high, table, target, target_rows,
                )  # fmt: skip
                continue
            limit_sums(sums, 16 * block, last, held_low, held_high)
            for r in range(min(8, accumulators.shape[0] - 8 * tile)):
                for j in range(min(16, columns - 16 * block)):
                    accumulators[8 * tile + r, 16 * block + j] = sums[16 * r + j]
