"""Probabilities that are powers of two, for the fast machine: `log_int` and `hyq` without a division an element.

For an exponential e of a row with the sum S, log2.py's k is at most j exactly if round(S / e) is at most X_j = 1, 2,
5, 11, 23, ... That is 2S < (2 * X_j + 1) * e = 3e, 5e, 11e, 23e, ...; for X_1, which is even, the tie 2S = 5e counts
as well. Now 2 * X_j + 1 = 3 * 2**j - 1 for j > 0, so that k counts how often 3e, doubled again and again, fits 2S + e:
it is the bit length of floor((2S + e) / 3e), less 1 where 2S < 3e, and less 1 where 2S = 5e.
"""

from __future__ import annotations

import numpy as np

from bittrue.simulator.fixed import Integer
from bittrue.simulator.jit import get_thread_id, inlined_jit, parallel_jit, prange
from bittrue.simulator.plan.softmax.rows import Codes, Integers, Words, largest_of, map_row, reach_of, row_of, sum_of
from bittrue.simulator.plan.sums import Bytes, Places

ALIGNED = 62
NO_LENGTH = -64
"""Stands for the bit length of an exponential 0, whose k is past all others."""


def divisors_of(exponentials: Integers) -> tuple[Integers, Integers]:
    """The bit lengths of 3e, and 3e shifted to 62 bits."""
    triple = 3 * exponentials
    lengths = np.array([int(value).bit_length() for value in triple], np.int64)
    return np.where(lengths > 0, lengths, NO_LENGTH), triple << (ALIGNED - lengths)


@inlined_jit
def fill_powers(
    exponentials: Integers,
    lengths: Integers,
    aligned: Integers,
    count: Integer,
    total: Integer,
    last: int,
    least_output: int,
    entries: Words,
) -> None:
    """entries[d] = the output of exponential d for the first `count` distances; 3 * total has at most 62 bits."""
    double, length, one = 2 * total, np.int64(0), np.int64(1) << last
    while double >> length > 0:
        length += 1
    for d in range(count):
        e = exponentials[d]
        dividend = double + e
        longer = dividend >> length  # 0 or 1
        fits = 1 if dividend << (62 - length - longer) >= aligned[d] else 0
        k = length + longer - lengths[d] + fits - (1 if double < 3 * e else 0) - (1 if double == 5 * e else 0)
        entries[d] = max(one >> min(k, 62), least_output)


@parallel_jit
def power_rows(
    source: Bytes,
    starts: Places,
    columns: Places,
    target: Codes,
    staged: Bytes,
    entries: Words,
    exponentials: Integers,
    planes: Bytes,
    lengths: Integers,
    aligned: Integers,
    last: int,
    least_output: int,
) -> None:
    """Every row; the first six as `RowPlaces` has them, then the exponentials and their bytes by distance.

    lengths and aligned: as `divisors_of` gives them.
    """
    for r in prange(starts.size):
        mine = entries[get_thread_id()]
        row = row_of(source, starts[r], columns, staged[get_thread_id()])
        largest = largest_of(row)
        total = sum_of(row, largest, exponentials, planes)
        fill_powers(exponentials, lengths, aligned, reach_of(row, largest), total, last, least_output, mine)
        map_row(row, largest, mine, target, r * columns.size)
