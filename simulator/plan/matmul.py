"""Batched products of two activations as products of bytes, for the fast machine.

The right operand is packed anew in every run: it must be symmetric (zero point at code 0), so that its bytes are
the multiplier's signed ones. A left operand of 9 to 16 unsigned bits, softmax probabilities, is multiplied in pairs of
16-bit numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import get_thread_id, jit, parallel_jit, prange
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.finish import NO_TABLE, finish_of, unused_bits
from bittrue.simulator.plan.gemm import whole_tiles
from bittrue.simulator.plan.storage import Stored, byte_offset
from bittrue.simulator.plan.sums import COLUMNS, DEPTH, Bytes, Places, wrapped
from bittrue.simulator.plan.tile import codes_tile
from bittrue.simulator.plan.view import View
from bittrue.spec.op import Call
from bittrue.spec.ops.matmul import MatMul

Bound = Callable[[], object]


def bind_matmul(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """Products whose left rows lie side by side and whose right operand is symmetric; None for any other."""
    op, (left, right), unused = cast(MatMul, call.op), builder.operands(call), unused_bits(call)
    *batch, m, n = call.output.shape
    k, last = left.spec.shape[-1], len(call.output.shape) - 1
    pieces = {8: 1, 16: 2}.get(8 * left.data.itemsize, 0)
    if op.divide_by_row_sum or unused is None or not pieces or (pieces == 2 and left.spec.signed):
        return None
    if not right.is_bytes or not right.spec.signed or set(right.spec.zero_point) != {0}:
        return None
    if left.view.run(last) != 1 or left.spec.axis is not None or right.spec.axis is not None:
        return None
    finish = finish_of(call, n)
    if finish is None or call.output.bits > 8:
        return None
    view = right.view.permute([*range(last - 1), last, last - 1]) if op.transpose_b else right.view  # [..., K, N]
    place = place_product(builder, call, view)
    batches, blocks, words = range(len(batch)), -(-n // COLUMNS), -(-k * pieces // DEPTH)
    packed = np.zeros((builder.threads, blocks * words * COLUMNS), np.uint32)
    return partial(
        matmul_codes,
        left.memory,
        pieces * (left.view.offsets(batches) - left.view.base),
        whole_tiles(pieces * left.view.offsets([last - 1])),
        right.data,
        right.view.offsets(batches) - right.view.base,
        view.offsets([last - 1]),
        view.offsets([last]) - view.base,
        pieces,
        left.spec.zero_point[0] + (byte_offset(left.spec) if pieces == 1 else -(1 << 15)),
        finish.multiplier,
        finish.offset,
        finish.shift,
        finish.zero,
        finish.low,
        finish.high,
        unused,
        place.data,
        place.view.offsets(batches),
        whole_tiles(place.view.offsets([last - 1])),
        packed.view(np.int8),
        packed,
        np.zeros((builder.threads, blocks * COLUMNS), np.int32),
        np.zeros((builder.threads, blocks * COLUMNS), np.int32),
        builder.sums(),
        n,
        words,
        np.zeros(1, np.int64),
        NO_TABLE,
    )


def place_product(builder: Builder, call: Call, right: View) -> Stored:
    """Rows in the order of the values that they are made of, where there are as many: heads side by side again."""
    spec = call.output
    if right.shape == spec.shape and right.run(len(spec.shape) - 1) == 1:
        return builder.place(spec, right.packed(spec.shape, len(spec.shape) - 1))
    return builder.place(spec, View.dense(spec.shape))


@jit
def pack_any(
    source: Bytes,
    base: int,
    terms: Places,
    columns: Places,
    size: int,
    words: int,
    packed: NDArray[np.uint32],
    totals: NDArray[np.int32],
) -> None:
    """Fill packed [blocks, words, 16] with signed numbers of `size` bytes, and totals with their sums a column.

    Term k of a column is number k of its words; all others are 0. terms and columns: where element (k, n) lies
    behind base.
    """
    packed[:] = 0
    for n in range(columns.size):
        total: Any = 0
        for k in range(terms.size):
            byte = np.int64(source[base + terms[k] + columns[n]]) - 128
            total += byte
            at = size * k
            word = (n // 16 * words + at // 4) * 16 + n % 16
            packed[word] = np.int64(packed[word]) | ((byte & ((1 << (8 * size)) - 1)) << (8 * (at % 4)))
        totals[n] = total


@jit
def pack_rows(
    source: Bytes,
    base: int,
    terms: Places,
    count: int,
    words: int,
    packed: NDArray[np.uint32],
    totals: NDArray[np.int32],
) -> None:
    """`pack_any` for numbers of 2 bytes whose columns lie side by side: 16 columns at once.

    Columns past `count` in the last block get what lies behind the row; nothing is stored of them.
    """
    for block in range((count + 15) // 16):
        sums = totals[16 * block : 16 * block + 16]
        sums[:] = 0
        for word in range(words):
            to = packed[(block * words + word) * 16 : (block * words + word) * 16 + 16]
            first = source[base + terms[2 * word] + 16 * block :]
            paired = 2 * word + 1 < terms.size
            second = source[base + terms[2 * word + (1 if paired else 0)] + 16 * block :]
            for j in range(16):
                a = np.int32(first[j]) - np.int32(128)
                b = np.int32(second[j]) - np.int32(128) if paired else np.int32(0)
                to[j] = (a & 0xFFFF) | ((b & 0xFFFF) << 16)
                sums[j] += a + b


@jit
def pack_runs(
    source: Bytes,
    base: int,
    length: int,
    columns: Places,
    words: int,
    packed: NDArray[np.uint32],
    totals: NDArray[np.int32],
) -> None:
    """`pack_any` for numbers of 1 byte whose terms lie side by side: a word of 4 terms at once."""
    for n in range(columns.size):
        begin = base + columns[n]
        total: Any = 0
        for k in range(length):
            total += np.int64(source[begin + k])
        totals[n] = total - 128 * length
        at = n // 16 * words * 16 + n % 16
        for word in range(words):
            here, left = begin + 4 * word, length - 4 * word
            value = (
                np.int64(source[here])
                | np.int64(source[here + 1]) << 8
                | np.int64(source[here + 2]) << 16
                | np.int64(source[here + 3]) << 24
            )
            # Past the last term nothing may count.
            kept = 0xFFFFFFFF if left >= 4 else (1 << (8 * left)) - 1
            packed[at + 16 * word] = (value ^ 0x80808080) & kept


@jit
def pack_right(
    right: Bytes,
    base: int,
    terms: Places,
    columns: Places,
    pieces: int,
    words: int,
    left_zero: int,
    packed: NDArray[np.uint32],
    totals: NDArray[np.int32],
    correction: NDArray[np.int32],
) -> None:
    """Pack the right operand that begins at base, and fill each column's correction for the left one's zero point."""
    neighbours = columns.size == 1 or (columns[-1] - columns[0] == columns.size - 1 and columns[1] - columns[0] == 1)
    adjoining = terms.size == 1 or (terms[-1] - terms[0] == terms.size - 1 and terms[1] - terms[0] == 1)
    if pieces == 2 and neighbours:
        pack_rows(right, base, terms, columns.size, words, packed, totals)
    elif pieces == 1 and adjoining:
        pack_runs(right, base + terms[0], terms.size, columns, words, packed, totals)
    else:
        pack_any(right, base, terms, columns, pieces, words, packed, totals)
    for n in range(columns.size):
        correction[n] = wrapped(-left_zero * np.int64(totals[n]))


@parallel_jit
def matmul_codes(
    left: Bytes,
    left_batches: Places,
    rows: Places,
    right: Bytes,
    right_batches: Places,
    terms: Places,
    columns: Places,
    pieces: int,
    left_zero: int,
    multiplier: NDArray[np.int32],
    offset: Places,
    shift: Places,
    zero: NDArray[np.int32],
    low: int,
    high: int,
    unused: int,
    target: Bytes,
    target_batches: Places,
    target_rows: Places,
    packed: NDArray[np.int8],
    packed_words: NDArray[np.uint32],
    totals: NDArray[np.int32],
    corrections: NDArray[np.int32],
    scratch: NDArray[np.int32],
    count: int,
    words: int,
    segments: Places,
    no_table: Bytes,
) -> None:
    """Output bytes of every product; packed, corrections and scratch have a row a thread; see `tile.codes_tile`.

    left: bytes, `pieces` of them (1 or 2) an element; terms and columns: where the right operand's elements lie.
    """
    for b in prange(left_batches.size):
        me = get_thread_id()
        weight, correction, sums = packed[me], corrections[me], scratch[me]
        pack_right(
            right, right_batches[b], terms, columns, pieces, words, left_zero, packed_words[me], totals[me], correction
        )
        source, to = left[left_batches[b] :], target[target_batches[b] :]
        for tile in range(rows.size // 8):
            for column in range(0, count, 16):
                first, here = column // 16 * words * 64, min(16, count - column)
                codes_tile(
                    source, rows, 8 * tile, segments, words, weight, first, pieces - 1, column, here, correction,
                    multiplier, offset, shift, zero, low, high, unused, no_table, to, target_rows, sums,
                )  # fmt: skip
