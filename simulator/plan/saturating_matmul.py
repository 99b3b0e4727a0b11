"""Batched products of two activations whose accumulators saturate, for the fast machine; see saturating.py.

The right operand is packed anew in every run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import get_thread_id, jit, parallel_jit, prange
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.finish import NO_TABLE, finish_of
from bittrue.simulator.plan.gemm import whole_tiles
from bittrue.simulator.plan.matmul import place_product
from bittrue.simulator.plan.saturating_proof import register_of
from bittrue.simulator.plan.saturating_tile import Words, fill_words, finish_tile, ordered_tile
from bittrue.simulator.plan.storage import byte_offset
from bittrue.simulator.plan.sums import COLUMNS, ROWS, Bytes, Places
from bittrue.spec.bounds import contracted
from bittrue.spec.op import Call
from bittrue.spec.ops.matmul import MatMul

Bound = Callable[[], object]


def bind_saturating_matmul(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """Products of two activations whose left rows lie side by side; None for any other."""
    op, (left, right), last = cast(MatMul, call.op), builder.operands(call), len(call.output.shape) - 1
    *batch, _, n = call.output.shape
    if op.divide_by_row_sum or call.output.bits > 8 or left.view.run(last) != 1:
        return None
    register, finish = register_of(call, contracted(call, 0), contracted(call, 1)), finish_of(call, n)
    if register is None or finish is None:
        return None
    view = right.view.permute([*range(last - 1), last, last - 1]) if op.transpose_b else right.view  # [..., K, N]
    place, batches, depth = place_product(builder, call, view), range(len(batch)), left.spec.shape[-1]
    taken = [spec.zero_point[0] + byte_offset(spec) for spec in call.inputs]
    columns = -(-n // COLUMNS) * COLUMNS
    return partial(
        saturating_products,
        left.data,
        left.view.offsets(batches) - left.view.base,
        whole_tiles(left.view.offsets([last - 1])),
        taken[0],
        1 << register.code_lift,
        right.data,
        right.view.offsets(batches),
        view.offsets([last - 1]) - view.base,
        view.offsets([last]) - view.base,
        taken[1],
        1 << register.weight_lift,
        0xFFFF if register.shift else -1,
        register.shift,
        register.low,
        register.high,
        register.held_low,
        register.held_high,
        np.zeros(columns, np.int32),
        finish.multiplier,
        finish.offset,
        finish.shift,
        finish.zero,
        finish.low,
        finish.high,
        NO_TABLE,
        place.data,
        place.view.offsets(batches),
        whole_tiles(place.view.offsets([last - 1])),
        np.zeros((builder.threads, columns * depth), np.int32),
        builder.sums(),
        np.zeros((builder.threads, ROWS * depth), np.int32),
        np.zeros(1, np.int64),
    )


@jit
def _pack_right(
    source: NDArray[np.integer],
    base: int,
    terms: Places,
    columns: Places,
    taken: int,
    scale: int,
    mask: int,
    weight: Words,
) -> None:
    """weight [blocks of 16 columns, terms, 16] = ((what lies at terms[k] + columns[n] behind base) - taken) * scale.

    mask: 0xFFFF keeps the low half of a word, -1 all of it.
    """
    for n in range(columns.size):
        for k in range(terms.size):
            value = (np.int64(source[base + terms[k] + columns[n]]) - taken) * scale
            weight[(n // 16 * terms.size + k) * 16 + n % 16] = value & mask


@parallel_jit
def saturating_products(
    left: NDArray[np.integer],
    left_batches: Places,
    rows: Places,
    left_taken: int,
    left_scale: int,
    right: NDArray[np.integer],
    right_batches: Places,
    terms: Places,
    columns: Places,
    right_taken: int,
    right_scale: int,
    mask: int,
    shift: int,
    low: int,
    high: int,
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
    target_batches: Places,
    target_rows: Places,
    weight_scratch: Words,
    scratch: Words,
    words_scratch: Words,
    start_of_row: Places,
) -> None:
    """Output bytes of batched products of two activations; scratch as in `saturating_codes`.

    terms and columns: where the right operand's elements lie; weight_scratch [threads, blocks * K * 16]: they, packed.
    """
    depth = terms.size
    for b in prange(left_batches.size):
        me = get_thread_id()
        sums, words, weight = scratch[me], words_scratch[me], weight_scratch[me]
        _pack_right(right, right_batches[b], terms, columns, right_taken, right_scale, mask, weight)
        source, to = left[left_batches[b] :], target[target_batches[b] :]
        for tile in range(rows.size // 8):
            fill_words(source, rows, 8 * tile, start_of_row, depth, left_taken, left_scale, words)
            for column in range(0, columns.size, 16):
                ordered_tile(words, depth, weight, column * depth, nothing, column, shift, low, high, sums)
                finish_tile(
                    sums, 8 * tile, column, min(16, columns.size - column), nothing, held_low, held_high, nothing,
                    multiplier, offset, shifts, zero, code_low, code_high, table, to, target_rows,
                )  # fmt: skip
