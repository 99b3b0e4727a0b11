"""gemmlowp's softmax of the fast machine; spec/units/softmax/gemmlowp.py has the formulas."""

from __future__ import annotations

from bittrue.simulator.fixed import Integer
from bittrue.simulator.jit import get_thread_id, inlined_jit, parallel_jit, prange
from bittrue.simulator.plan.softmax.rows import Codes, Integers, Words, largest_of, map_row, reach_of, row_of, sum_of
from bittrue.simulator.plan.sums import Bytes, Places
from bittrue.simulator.units.softmax.gemmlowp import leading_zeros, one_over


@inlined_jit
def fill_gemmlowp(
    exponentials: Integers, count: Integer, total: Integer, output_bits: int, lowest: int, entries: Words
) -> None:
    """entries[d] = the output of exponential d for the first `count` distances; lowest: the lowest code as stored."""
    left = leading_zeros(total)
    inverse, right, top = one_over(total << left), 31 - output_bits + 12 - left, (1 << output_bits) - 1
    for d in range(count):
        product = (exponentials[d] * inverse + (1 << 30)) >> 31
        rounded = (product + (1 << (right - 1))) >> right
        entries[d] = (min(rounded, top) + lowest) & 0xFFFF


@parallel_jit
def gemmlowp_rows(
    source: Bytes,
    starts: Places,
    columns: Places,
    target: Codes,
    staged: Bytes,
    entries: Words,
    exponentials: Integers,
    terms: Integers,
    planes: Bytes,
    output_bits: int,
    lowest: int,
) -> None:
    """Every row; the first six as `RowPlaces` has them, then by distance: exponentials, terms of the sum, bytes."""
    for r in prange(starts.size):
        mine = entries[get_thread_id()]
        row = row_of(source, starts[r], columns, staged[get_thread_id()])
        largest = largest_of(row)
        total = sum_of(row, largest, terms, planes)
        fill_gemmlowp(exponentials, reach_of(row, largest), total, output_bits, lowest, mine)
        map_row(row, largest, mine, target, r * columns.size)
