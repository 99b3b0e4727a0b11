"""Sums in the machine's order, for MACs whose result depends on it.

`saturating_*` is an accumulator that saturates after every addition; `tiled_*` is the whole MAC of
spec/units/mac.py: an adder with a register of its own in front of the accumulator, and partial sums that
are spilled between tiles.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import Integer, saturate, wrap
from bittrue.simulator.jit import jit, parallel_jit, prange

Integers = NDArray[np.integer]

STRIP = 1024
"""Outputs of a row done at once, so that their accumulators stay in the first-level cache."""
IDENTITY, WRAP, SATURATE = 0, 1, 2
"""What a register does past its ends."""
ADDER, ACCUMULATOR, SPILL = 0, 1, 2
"""Rows of `rules`, int64 [3, 2]: (what it does, bits) of each register."""


@parallel_jit
def saturating_multiply_accumulate(
    accumulator: Integers, weight: Integers, starts: Integers, data: Integers, bits: int
) -> None:
    """Add weight[g, r, t] * data[starts[g, t] + p] to accumulator[g, r, p] for t ascending.

    Each sum saturates at `bits` bits.

    accumulator int64 [groups, rows, outputs]; weight int64 [groups, rows, taps]; starts int64
    [groups, taps]; data int64 [any].
    """
    groups, rows, outputs = accumulator.shape
    strips = (outputs + STRIP - 1) // STRIP
    for item in prange(groups * rows * strips):
        g, r, left = item // (rows * strips), item // strips % rows, item % strips * STRIP
        right = min(left + STRIP, outputs)
        for t in range(starts.shape[1]):
            run = data[starts[g, t] + left : starts[g, t] + right]
            _add_saturating(accumulator[g, r, left:right], weight[g, r, t], run, bits)


@jit
def _add_saturating(total: Integers, w: int, x: Integers, bits: int) -> None:
    for p in range(total.size):
        total[p] = saturate(total[p] + w * x[p], bits)


@jit
def saturating_sums(total: Integers, terms: Integers, bits: int) -> None:
    """Add terms[r, t] to total[r] for t ascending, each sum saturated at `bits` bits.

    total int64 [rows]; terms int64 [rows, terms].
    """
    for r in range(terms.shape[0]):
        accumulator = total[r]
        for t in range(terms.shape[1]):
            accumulator = saturate(accumulator + terms[r, t], bits)
        total[r] = accumulator


@jit
def held(value: Integer, rule: Integers) -> Integer:
    """What a register keeps of a value; rule = (what it does, bits)."""
    if rule[0] == WRAP:
        return wrap(value, rule[1])
    if rule[0] == SATURATE:
        return saturate(value, rule[1])
    return value


@parallel_jit
def tiled_multiply_accumulate(
    accumulator: Integers, weight: Integers, starts: Integers, data: Integers, ends: Integers, rules: Integers
) -> None:
    """Like `saturating_multiply_accumulate`, tile by tile; ends int64 [tiles]: the tap after each tile's last."""
    groups, rows, outputs = accumulator.shape
    strips = (outputs + STRIP - 1) // STRIP
    for item in prange(groups * rows * strips):
        g, r, left = item // (rows * strips), item // strips % rows, item % strips * STRIP
        right = min(left + STRIP, outputs)
        total = accumulator[g, r, left:right]
        partial = np.empty(right - left, np.int64)
        begin = 0
        for tile in range(ends.size):
            partial[:] = 0
            for t in range(begin, ends[tile]):
                run = data[starts[g, t] + left : starts[g, t] + right]
                _add_held(partial, weight[g, r, t], run, rules[ADDER])
            begin = ends[tile]
            _close_tile(total, partial, rules, tile + 1 == ends.size)


@jit
def _add_held(partial: Integers, w: int, x: Integers, rule: Integers) -> None:
    for p in range(partial.size):
        partial[p] = held(partial[p] + w * x[p], rule)


@jit
def _close_tile(total: Integers, partial: Integers, rules: Integers, last: bool) -> None:
    for p in range(total.size):
        total[p] = held(total[p] + partial[p], rules[ACCUMULATOR])
        if not last:
            total[p] = held(total[p], rules[SPILL])


@jit
def tiled_sums(total: Integers, terms: Integers, ends: Integers, rules: Integers) -> None:
    """Like `saturating_sums`, tile by tile."""
    for r in range(terms.shape[0]):
        begin, accumulator = 0, total[r]
        for tile in range(ends.size):
            partial: Integer = np.int64(0)
            for t in range(begin, ends[tile]):
                partial = held(partial + terms[r, t], rules[ADDER])
            begin = ends[tile]
            accumulator = held(accumulator + partial, rules[ACCUMULATOR])
            if tile + 1 < ends.size:
                accumulator = held(accumulator, rules[SPILL])
        total[r] = accumulator
