"""ITA's softmax of the fast machine: the running sum, the rest as a table a row.

The sum of the groups between two rises of the maximum is one sum: only a rise shifts it.
"""

from __future__ import annotations

import numpy as np

from bittrue.simulator.fixed import Integer
from bittrue.simulator.jit import get_thread_id, inlined_jit, parallel_jit, prange
from bittrue.simulator.plan.softmax.rows import (
    Codes,
    Integers,
    Words,
    first_above,
    largest_of,
    map_row,
    reach_of,
    row_of,
    sum_of,
)
from bittrue.simulator.plan.sums import Bytes, Places


@inlined_jit
def running_sum(row: Bytes, width: int, octaves: Integers, ones: Integers, planes: Bytes) -> tuple[Integer, Integer]:
    """Maximum and sum of a row by groups of `width`; by distance: octaves, one >> octaves, the bytes of that."""
    n, total = row.size, np.int64(0)
    largest = largest_of(row[: min(width, n)])
    begin: Integer = 0
    at: Integer = min(width, n)
    while at < n:
        at += first_above(row[at:], largest)
        if at < n:
            group = at - at % width  # the one in which the maximum rises
            total += sum_of(row[begin:group], largest, ones, planes)
            after = largest_of(row[group : min(group + width, n)])
            total >>= octaves[after - largest]
            largest, begin, at = after, group, min(group + width, n)
    return largest, total + sum_of(row[begin:], largest, ones, planes)


@parallel_jit
def ita_rows(
    source: Bytes,
    starts: Places,
    columns: Places,
    target: Codes,
    staged: Bytes,
    entries: Words,
    octaves: Integers,
    ones: Integers,
    planes: Bytes,
    group_width: int,
    full: int,
) -> None:
    """Every row; the first six as `RowPlaces` has them; full: what is divided by the sum."""
    for r in prange(starts.size):
        mine = entries[get_thread_id()]
        row = row_of(source, starts[r], columns, staged[get_thread_id()])
        largest, total = running_sum(row, group_width, octaves, ones, planes)
        inverse = full // total
        for d in range(reach_of(row, largest)):
            mine[d] = inverse >> octaves[d]
        map_row(row, largest, mine, target, r * columns.size)
