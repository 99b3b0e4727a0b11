"""Rows of bytes or words through a norm unit that ends in gamma and beta, both cores, for the fast machine.

    output = clamp(round_shift(normalized * multiplier + offset, shift) + zero, low, high)

Multiplier and offset are a channel's. Rows are taken eight at a time: their divisions and roots then overlap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import Integer
from bittrue.simulator.jit import get_thread_id, inlined_jit, parallel_jit, prange
from bittrue.simulator.plan.norm.statistics import byte_sums, code_sums, row_scale, word_sums
from bittrue.simulator.plan.rounding import rounding_terms
from bittrue.simulator.plan.sums import Bytes, Places

BLOCK = 8
Integers = NDArray[np.int64]
Stored = NDArray[np.integer]
"""Codes as they are stored: bytes with an offset, or words."""


@inlined_jit
def row_sums(row: Stored) -> tuple[Integer, Integer]:
    """The sum and the sum of squares of the elements as they are stored."""
    if row.itemsize == 1:
        return byte_sums(row)
    return word_sums(row)


@inlined_jit
def place_row(
    row: Stored,
    factor: Integer,
    mean: Integer,
    scale: Integer,
    inner: Integer,
    inner_rounding: int,
    multiplier: Integers,
    offset: Integers,
    outer: int,
    rounding: int,
    zero: int,
    low: int,
    high: int,
    target: Bytes,
) -> None:
    """One row to output bytes; normalized = round_shift((factor * stored - mean) * scale, inner)."""
    always, negative, odd = rounding_terms(inner_rounding, inner)
    placed_always, placed_negative, placed_odd = rounding_terms(rounding, outer)
    if negative == 0 and odd == 0 and placed_negative == 0 and placed_odd == 0:
        for c in range(row.size):
            normalized = ((factor * np.int64(row[c]) - mean) * scale + always) >> inner
            placed = ((normalized * multiplier[c] + offset[c] + placed_always) >> outer) + zero
            target[c] = min(max(placed, low), high)
    else:
        for c in range(row.size):
            value = (factor * np.int64(row[c]) - mean) * scale
            normalized = (value + always + ((value >> 63) & negative) + ((value >> inner) & odd)) >> inner
            value = normalized * multiplier[c] + offset[c]
            placed = (
                value + placed_always + ((value >> 63) & placed_negative) + ((value >> outer) & placed_odd)
            ) >> outer
            target[c] = min(max(placed + zero, low), high)


@parallel_jit
def layer_rows(
    source: Stored,
    starts: Places,
    channels: int,
    byte_offset: int,
    kind: int,
    registers: Integers,
    constants: Integers,
    table: Integers,
    multiplier: Integers,
    offset: Integers,
    shift: int,
    rounding: int,
    inner_rounding: int,
    zero: int,
    low: int,
    high: int,
    target: Bytes,
    places: Places,
    scratch: Integers,
) -> None:
    """Every row of channels by its own statistics; scratch [threads, 4, BLOCK]."""
    for block in prange((starts.size + 7) // 8):
        found = scratch[get_thread_id()]
        first, count = 8 * block, min(8, starts.size - 8 * block)
        for r in range(count):
            begin = starts[first + r]
            found[0, r], found[1, r] = row_sums(source[begin : begin + channels])
        for r in range(count):
            total, squares = code_sums(channels, found[0, r], found[1, r], byte_offset)
            factor, mean, scale, inner = row_scale(kind, channels, total, squares, registers, constants, table)
            found[0, r], found[1, r], found[2, r], found[3, r] = factor, mean + factor * byte_offset, scale, inner
        for r in range(count):
            begin, to = starts[first + r], places[first + r]
            place_row(
                source[begin : begin + channels], found[0, r], found[1, r], found[2, r], found[3, r], inner_rounding,
                multiplier, offset, shift, rounding, zero, low, high, target[to : to + channels],
            )  # fmt: skip


@parallel_jit
def group_rows(
    source: Stored,
    starts: Places,
    channels: int,
    byte_offset: int,
    kind: int,
    registers: Integers,
    constants: Integers,
    table: Integers,
    multiplier: Integers,
    offset: Integers,
    shift: int,
    rounding: int,
    inner_rounding: int,
    zero: int,
    low: int,
    high: int,
    target: Bytes,
    places: Places,
    _scratch: Integers,
) -> None:
    """All runs of channels by the statistics of all of them; arguments as in `layer_rows`."""
    byte_total, byte_squares = np.int64(0), np.int64(0)
    for r in prange(starts.size):
        begin = starts[r]
        part, square = row_sums(source[begin : begin + channels])
        byte_total += part
        byte_squares += square
    n = starts.size * channels
    total, squares = code_sums(n, byte_total, byte_squares, byte_offset)
    factor, mean, scale, inner = row_scale(kind, n, total, squares, registers, constants, table)
    mean += factor * byte_offset
    for r in prange(starts.size):
        begin, to = starts[r], places[r]
        place_row(
            source[begin : begin + channels], factor, mean, scale, inner, inner_rounding, multiplier, offset, shift,
            rounding, zero, low, high, target[to : to + channels],
        )  # fmt: skip
