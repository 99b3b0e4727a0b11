"""Exponentials times one reciprocal a row, for the fast machine: `table`, `ibert` and `ivit`.

sum           S = min(sum e_i, limit)
reciprocal    r = floor(numerator / S)
output        y_i = min(round_shift(e_i * r, shift), top) + offset
"""

from __future__ import annotations

from dataclasses import dataclass

from bittrue.simulator.fixed import FLOOR, ROUNDING_CODES, Integer
from bittrue.simulator.jit import get_thread_id, inlined_jit, parallel_jit, prange
from bittrue.simulator.plan.rounding import rounding_terms
from bittrue.simulator.plan.softmax.rows import Codes, Integers, Words, largest_of, map_row, reach_of, row_of, sum_of
from bittrue.simulator.plan.sums import Bytes, Places
from bittrue.spec.units.softmax import IbertSoftmax, IvitSoftmax, TableSoftmax

NO_LIMIT = (1 << 62) - 1


@dataclass(frozen=True)
class Scale:
    """The constants of the module docstring, in the order in which the kernel takes them."""

    limit: int
    numerator: int
    shift: int
    rounding: int
    top: int

    @classmethod
    def of(cls, unit: TableSoftmax | IbertSoftmax | IvitSoftmax) -> Scale:
        """The unit's; no product passes the numerator, which has at most 62 bits."""
        if isinstance(unit, IvitSoftmax):
            full = (1 << unit.sum_bits) - 1
            return cls(full, full, unit.sum_bits + 1 - unit.output_bits, FLOOR, (1 << unit.output_bits) - 1)
        bits = unit.probability_bits if isinstance(unit, TableSoftmax) else unit.output_bits
        rounding = ROUNDING_CODES[unit.rounding] if isinstance(unit, TableSoftmax) else FLOOR
        reciprocal = unit.reciprocal_bits
        return cls(NO_LIMIT, 1 << reciprocal, reciprocal - bits, rounding, (1 << bits) - 1)


@inlined_jit
def fill_scaled(
    exponentials: Integers,
    count: Integer,
    total: Integer,
    limit: int,
    numerator: int,
    shift: int,
    rounding: int,
    top: int,
    offset: int,
    entries: Words,
) -> None:
    """entries[d] = the output of exponential d for the first `count` distances."""
    always, _, odd = rounding_terms(rounding, shift)
    inverse = numerator // min(total, limit)
    for d in range(count):
        product = exponentials[d] * inverse
        entries[d] = min((product + always + ((product >> shift) & odd)) >> shift, top) + offset


@parallel_jit
def scaled_rows(
    source: Bytes,
    starts: Places,
    columns: Places,
    target: Codes,
    staged: Bytes,
    entries: Words,
    exponentials: Integers,
    planes: Bytes,
    limit: int,
    numerator: int,
    shift: int,
    rounding: int,
    top: int,
    offset: int,
) -> None:
    """Every row; the first six as `RowPlaces` has them, then the exponentials and their bytes by distance."""
    for r in prange(starts.size):
        mine = entries[get_thread_id()]
        row = row_of(source, starts[r], columns, staged[get_thread_id()])
        largest = largest_of(row)
        total = sum_of(row, largest, exponentials, planes)
        count = reach_of(row, largest)
        fill_scaled(exponentials, count, total, limit, numerator, shift, rounding, top, offset, mine)
        map_row(row, largest, mine, target, r * columns.size)
