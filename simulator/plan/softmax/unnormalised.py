"""softmax without its division, for the fast machine: one table for all rows."""

from __future__ import annotations

from bittrue.simulator.jit import get_thread_id, parallel_jit, prange
from bittrue.simulator.plan.softmax.rows import Codes, Words, largest_of, map_row, row_of
from bittrue.simulator.plan.sums import Bytes, Places


@parallel_jit
def exponential_rows(
    source: Bytes, starts: Places, columns: Places, target: Codes, staged: Bytes, _entries: Words, table: Words
) -> None:
    """Every row; the first six as `RowPlaces` has them, then the exponentials by distance."""
    for r in prange(starts.size):
        row = row_of(source, starts[r], columns, staged[get_thread_id()])
        map_row(row, largest_of(row), table, target, r * columns.size)
