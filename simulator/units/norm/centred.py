"""The mean and the sum of squares of the kinds that subtract the mean; see spec/units/norm/centred.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import FLOOR, HALF_AWAY, HALF_EVEN, TOWARD_ZERO, Integer
from bittrue.simulator.jit import jit
from bittrue.simulator.units.norm.statistics import held


@jit
def rounded_quotient(value: Integer, divisor: Integer, rounding: int) -> Integer:
    """value / divisor as an integer, for a divisor >= 1 and any rule but that of shifts (tosa_double)."""
    quotient = value // divisor  # floor
    remainder = value - quotient * divisor
    if remainder == 0 or rounding == FLOOR:
        return quotient
    if rounding == TOWARD_ZERO:
        return quotient + (1 if value < 0 else 0)
    twice = 2 * remainder
    if twice != divisor:
        return quotient + (1 if twice > divisor else 0)
    if rounding == HALF_AWAY:
        return quotient + (1 if value >= 0 else 0)
    if rounding == HALF_EVEN:
        return quotient + (quotient & 1)
    return quotient + 1


@jit
def centred_squares(
    row: NDArray[np.int64], mean: Integer, variance_shift: Integer, bits: int, overflow: int
) -> Integer:
    """The sum of ((q - mean) >> variance_shift)^2, its register held after every addition."""
    total: Integer = np.int64(0)
    for i in range(row.size):
        centred = (row[i] - mean) >> variance_shift
        total = held(total + centred * centred, bits, overflow)
    return total


@jit
def normalize_row(row: NDArray[np.int64], mean: Integer, reciprocal: Integer, target: NDArray[np.int64]) -> None:
    """target = ((q - mean) * reciprocal) >> 1."""
    for i in range(row.size):
        target[i] = ((row[i] - mean) * reciprocal) >> 1
