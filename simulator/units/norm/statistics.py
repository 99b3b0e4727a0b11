"""The statistics registers of the norm units: sums with a width and an overflow rule (spec/units/norm/unit.py)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import Integer, round_shift, saturate, wrap
from bittrue.simulator.jit import jit
from bittrue.spec.units.norm import NormUnit

REFUSE, WRAP, SATURATE = 0, 1, 2
OVERFLOW_CODES = {"refuse": REFUSE, "wrap": WRAP, "saturate": SATURATE}
"""The small integers by which compiled functions know the overflow rules."""


def overflow_of(unit: NormUnit) -> tuple[int, int, int]:
    """sum_bits, sum_of_squares_bits and the code of the overflow rule."""
    return unit.sum_bits, unit.sum_of_squares_bits, OVERFLOW_CODES[unit.statistics_overflow]


@jit
def held(value: Integer, bits: int, overflow: int) -> Integer:
    """What a register keeps of a sum. A unit that refuses overflow has proved that it fits."""
    if overflow == WRAP:
        return wrap(value, bits)
    if overflow == SATURATE:
        return saturate(value, bits)
    return value


@jit
def sum_of(row: NDArray[np.int64], bits: int, overflow: int) -> Integer:
    """The sum of a row, its register held after every addition."""
    total: Integer = np.int64(0)
    if overflow == REFUSE:
        for i in range(row.size):
            total += row[i]
    else:
        for i in range(row.size):
            total = held(total + row[i], bits, overflow)
    return total


@jit
def sum_of_squares_of(row: NDArray[np.int64], bits: int, overflow: int) -> Integer:
    """The sum of the squares of a row, its register held after every addition."""
    total: Integer = np.int64(0)
    if overflow == REFUSE:
        for i in range(row.size):
            total += row[i] * row[i]
    else:
        for i in range(row.size):
            total = held(total + row[i] * row[i], bits, overflow)
    return total


@jit
def narrowed(codes: NDArray[np.int64], pre_shift: int, rounding: int) -> None:
    """Shift codes right in place and round; nothing for a shift of 0."""
    if pre_shift == 0:
        return
    flat = codes.reshape(-1)
    for i in range(flat.size):
        flat[i] = round_shift(flat[i], pre_shift, rounding)


@jit
def variance_of(n: int, total: Integer, squares: Integer, epsilon: int) -> Integer:
    """max(1, n*S2 - S1*S1 + e)."""
    return max(np.int64(1), n * squares - total * total + epsilon)
