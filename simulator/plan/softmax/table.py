"""The default softmax unit in vector code, for the fast machine.

    output = min((e * R + 2**31) >> 32, top)        R = min(floor(2**reciprocal_bits / sum) << left, 2**32 - 1)

with left = 32 - (reciprocal_bits - probability_bits). R is held below 2**32 only where the sum is at most
2**probability_bits, which is 2**exponential_bits then: the row is its largest exponential alone, or that and a 1, and
both come out as without the limit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bittrue.simulator.jit import get_thread_id, parallel_jit, prange
from bittrue.simulator.plan.processor import has_vnni
from bittrue.simulator.plan.softmax import row_code, table_code
from bittrue.simulator.plan.softmax.rows import Codes, Integers, Words
from bittrue.simulator.plan.sums import Bytes, Places
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.softmax import TableSoftmax

# What numba takes for functions of addresses, and no type checker does.
emit_largest: Any = row_code.largest_byte
emit_sum: Any = table_code.word_sum
emit_words: Any = table_code.scale_words


def is_vector_table(unit: TableSoftmax) -> bool:
    """Whether processor and widths allow it: words as output, ties upward, no sum below 2**probability_bits - 1."""
    shift = unit.reciprocal_bits - unit.probability_bits
    upward = unit.rounding in (Rounding.HALF_UP, Rounding.HALF_AWAY)
    return has_vnni() and upward and shift <= 32 and 8 < unit.probability_bits <= unit.exponential_bits


@parallel_jit
def table_rows(
    source: Bytes,
    starts: Places,
    columns: Places,
    target: Codes,
    staged: Bytes,
    _entries: Words,
    planes: Bytes,
    reciprocal_bits: int,
    left: int,
    top: int,
    scratch: Integers,
) -> None:
    """Every row, eight at a time, whose divisions then overlap.

    The first six arguments as `RowPlaces` has them; planes: the low and the high bytes of the exponentials; scratch
    [threads, 2, BLOCK].
    """
    n, last, tables = columns.size, starts.size - 1, planes.ctypes.data
    packed = columns[n - 1] == n - 1
    for block in prange(last // 8 + 1):
        held, largest, factors = staged[get_thread_id()], scratch[get_thread_id(), 0], scratch[get_thread_id(), 1]
        if not packed:
            for r in range(8):
                for i in range(n):
                    held[r * n + i] = source[starts[min(8 * block + r, last)] + columns[i]]
        # Always eight rows, the last one again where there are none: a loop of unknown length is a tenth slower.
        for r in range(8):
            row = source.ctypes.data + starts[min(8 * block + r, last)] if packed else held.ctypes.data + r * n
            largest[r] = emit_largest(row, n)
        for r in range(8):
            row = source.ctypes.data + starts[min(8 * block + r, last)] if packed else held.ctypes.data + r * n
            factors[r] = emit_sum(row, n, largest[r], tables)
        for r in range(8):
            factors[r] = min(((np.int64(1) << reciprocal_bits) // factors[r]) << left, (1 << 32) - 1)
        for r in range(8):
            row = source.ctypes.data + starts[min(8 * block + r, last)] if packed else held.ctypes.data + r * n
            place = target.ctypes.data + 2 * n * min(8 * block + r, last)
            emit_words(row, n, largest[r], tables, factors[r], top, place)
