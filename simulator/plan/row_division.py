"""Products of exponentials divided by their row sums, for the fast machine; spec/units/softmax/unnormalised.py.

    quotient = round_shift(accumulator * floor(2**reciprocal_bits / row sum), shift)

and then the requantizer as finish.py has it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, Integer
from bittrue.simulator.jit import get_thread_id, jit, parallel_jit, prange
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.finish import Finish, finish_of, unused_bits
from bittrue.simulator.plan.gemm import whole_tiles
from bittrue.simulator.plan.matmul import pack_right, place_product
from bittrue.simulator.plan.reductions import weighted_run
from bittrue.simulator.plan.rounding import rounding_terms
from bittrue.simulator.plan.storage import byte_offset
from bittrue.simulator.plan.sums import COLUMNS, DEPTH, Bytes, Places, pairs_tile, sums_tile, wrapped
from bittrue.simulator.plan.view import View
from bittrue.spec.op import Call
from bittrue.spec.ops.matmul import MatMul
from bittrue.spec.ops.weighted_sum import WeightedSum
from bittrue.spec.row_division import check_row_division, division_unit

Bound = Callable[[], object]
Division = NDArray[np.int64]
"""reciprocal_bits, shift, code of the rounding rule, and bits of 32 that the accumulator's register drops."""


def bind_divided_matmul(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """A product of exponentials by a symmetric right operand, divided; None for any other, as in `bind_matmul`."""
    op, (left, right) = cast(MatMul, call.op), builder.operands(call)
    if not op.divide_by_row_sum or not right.is_bytes or not right.spec.signed or set(right.spec.zero_point) != {0}:
        return None
    *batch, _, n = call.output.shape
    k, last, pieces = left.spec.shape[-1], len(call.output.shape) - 1, left.data.itemsize
    division, finish = division_of(call, 0, n)
    if division is None or finish is None or left.view.run(last) != 1 or right.spec.axis is not None:
        return None
    view = right.view.permute([*range(last - 1), last, last - 1]) if op.transpose_b else right.view  # [..., K, N]
    place = place_product(builder, call, view)
    batches, blocks, words = range(len(batch)), -(-n // COLUMNS), -(-k * pieces // DEPTH)
    packed = np.zeros((builder.threads, blocks * words * COLUMNS), np.uint32)
    return partial(
        divided_matmul_codes,
        left.memory,
        left.data,
        left.view.offsets(batches) - left.view.base,
        whole_tiles(left.view.offsets([last - 1])),
        pieces * whole_tiles(left.view.offsets([last - 1])),
        right.data,
        right.view.offsets(batches) - right.view.base,
        view.offsets([last - 1]),
        view.offsets([last]) - view.base,
        byte_offset(left.spec) if pieces == 1 else -(1 << 15),
        division,
        finish.multiplier,
        finish.offset,
        finish.shift,
        finish.zero,
        finish.low,
        finish.high,
        place.data,
        place.view.offsets(batches),
        whole_tiles(place.view.offsets([last - 1])),
        packed.view(np.int8),
        packed,
        np.zeros((builder.threads, blocks * COLUMNS), np.int32),
        np.zeros((builder.threads, blocks * COLUMNS), np.int32),
        builder.sums(),
        words,
        np.zeros(1, np.int64),
    )


def bind_divided_weighted_sum(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """Sums over the last axis of an image [1, C, P, N], weighted by exponentials [1, 1, P, N]; None for any other."""
    source, weights = builder.operands(call)
    shape, given = source.spec.shape, weights.spec
    if not cast(WeightedSum, call.op).divide_by_row_sum or not source.is_bytes or source.spec.axis is not None:
        return None
    if len(shape) != 4 or given.shape != (1, 1, *shape[2:]) or source.view.run(1) != 1:
        return None
    division, finish = division_of(call, 1, shape[1])
    if division is None or finish is None:
        return None
    place = builder.place(call.output, View.dense(call.output.shape, (0, 2, 3, 1)))
    return partial(
        divided_sums,
        source.data,
        source.view.offsets((2, 3)).reshape(shape[2:]),
        weights.data,
        weights.view.offsets((2, 3)).reshape(shape[2:]),
        source.spec.zero_point[0] + byte_offset(source.spec),
        division,
        finish.multiplier,
        finish.offset,
        finish.shift,
        finish.zero,
        finish.low,
        finish.high,
        place.data,
        place.view.offsets([0, 2, 3]),
        np.zeros((builder.threads, shape[1]), np.int32),
        np.zeros(shape[1], np.int32),
    )


def division_of(call: Call, exponentials: int, channels: int) -> tuple[Division | None, Finish | None]:
    """The division's constants and the requantizer's behind it; None where they or the accumulator are not proved."""
    unit, unused = division_unit(call), unused_bits(call)
    if unused is None or call.output.bits > 8:
        return None, None
    finish = finish_of(call, channels, entering=check_row_division(call, exponentials, 1 - exponentials))
    shift = unit.reciprocal_bits - unit.fraction_bits
    return np.array([unit.reciprocal_bits, shift, ROUNDING_CODES[unit.rounding], unused], np.int64), finish


@jit
def divided_row(
    sums: NDArray[np.int32],
    at: int,
    count: int,
    column: int,
    correction: NDArray[np.int32],
    row_sum: Integer,
    division: Division,
    multiplier: NDArray[np.int32],
    offset: Places,
    shift: Places,
    zero: NDArray[np.int32],
    low: int,
    high: int,
    target: Bytes,
    to: int,
) -> None:
    """As `tile.finish_row`, with the quotient in the place of the accumulator."""
    inverse = (np.int64(1) << division[0]) // max(np.int64(1), row_sum)
    inner, unused = division[1], division[3]
    always, negative, odd = rounding_terms(division[2], inner)
    for j in range(count):
        c = column + j
        accumulator = np.int64(wrapped(np.int64(sums[at + j]) + np.int64(correction[c])))
        if unused > 0:
            accumulator = np.int64(wrapped(accumulator << unused)) >> unused
        value = accumulator * inverse
        quotient = (value + always + ((value >> 63) & negative) + ((value >> inner) & odd)) >> inner
        placed = ((quotient * np.int64(multiplier[c]) + offset[c]) >> shift[c]) + np.int64(zero[c])
        target[to + j] = min(max(placed, low), high)


@jit
def sum_of_run(values: NDArray[np.unsignedinteger]) -> Integer:
    """The sum of at most 65,536 numbers of 16 bits."""
    total = np.uint32(0)
    for i in range(values.size):
        total += np.uint32(values[i])
    return np.int64(total)


@parallel_jit
def divided_matmul_codes(
    left: Bytes,
    exponentials: NDArray[np.unsignedinteger],
    left_batches: Places,
    left_rows: Places,
    rows: Places,
    right: Bytes,
    right_batches: Places,
    terms: Places,
    columns: Places,
    left_zero: int,
    division: Division,
    multiplier: NDArray[np.int32],
    offset: Places,
    shift: Places,
    zero: NDArray[np.int32],
    low: int,
    high: int,
    target: Bytes,
    target_batches: Places,
    target_rows: Places,
    packed: NDArray[np.int8],
    packed_words: NDArray[np.uint32],
    totals: NDArray[np.int32],
    corrections: NDArray[np.int32],
    scratch: NDArray[np.int32],
    words: int,
    segments: Places,
) -> None:
    """As `matmul.matmul_codes`; exponentials: the left operand as numbers. left_rows counts those, rows the bytes."""
    pieces = exponentials.itemsize
    for b in prange(left_batches.size):
        me = get_thread_id()
        weight, correction, sums = packed[me], corrections[me], scratch[me]
        pack_right(
            right, right_batches[b], terms, columns, pieces, words, left_zero, packed_words[me], totals[me], correction
        )
        numbers, to = exponentials[left_batches[b] :], target[target_batches[b] :]
        source = left[pieces * left_batches[b] :]
        for tile in range(rows.size // 8):
            for column in range(0, columns.size, 16):
                first, here = column // 16 * words * 64, min(16, columns.size - column)
                if pieces == 1:
                    sums_tile(source, rows, 8 * tile, segments, words, weight, first, sums, 0, 16)
                else:
                    pairs_tile(source, rows, 8 * tile, segments, words, weight, first, sums)
                for r in range(8):
                    begin = left_rows[8 * tile + r]
                    divided_row(
                        sums, 16 * r, here, column, correction, sum_of_run(numbers[begin : begin + terms.size]),
                        division, multiplier, offset, shift, zero, low, high, to, target_rows[8 * tile + r] + column,
                    )  # fmt: skip


@parallel_jit
def divided_sums(
    source: Bytes,
    positions: Places,
    weights: NDArray[np.unsignedinteger],
    rows: Places,
    zero_point: int,
    division: Division,
    multiplier: NDArray[np.int32],
    offset: Places,
    shift: Places,
    zero: NDArray[np.int32],
    low: int,
    high: int,
    target: Bytes,
    places: Places,
    scratch: NDArray[np.int32],
    correction: NDArray[np.int32],
) -> None:
    """As `reductions.weighted_sums`; correction: zeros."""
    for g in prange(positions.shape[0]):
        sums = scratch[get_thread_id()]
        total = weighted_run(source, positions[g], weights, rows[g], sums.size, zero_point, 0, sums)
        divided_row(
            sums, 0, sums.size, 0, correction, total, division, multiplier, offset, shift, zero, low, high, target,
            places[g],
        )  # fmt: skip
