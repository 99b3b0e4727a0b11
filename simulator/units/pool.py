"""The divisions of the average pooling units, fast; see spec/units/pool.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import FLOOR, HALF_AWAY, HALF_EVEN, HALF_UP, ROUNDING_CODES, round_shift
from bittrue.simulator.jit import jit
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.pool import Division

RECIPROCAL_BITS = 30
Integers = NDArray[np.int64]


def quotients(totals: Integers, counts: Integers, rounding: Division) -> Integers:
    """totals / counts rounded to integers; equal shapes, counts >= 1."""
    found = np.empty(totals.shape, np.int64)
    divide_all(totals.reshape(-1), counts.reshape(-1), ROUNDING_CODES[Rounding(rounding)], found.reshape(-1))
    return found


def reciprocal_products(totals: Integers, counts: Integers) -> Integers:
    """totals times the 31-bit reciprocal of counts, half up; equal shapes, counts >= 1."""
    found = np.empty(totals.shape, np.int64)
    multiply_all(totals.reshape(-1), counts.reshape(-1), found.reshape(-1))
    return found


@jit
def divide_all(totals: Integers, counts: Integers, rounding: int, found: Integers) -> None:
    """found[i] = totals[i] / counts[i], rounded."""
    for i in range(totals.size):
        found[i] = divided(totals[i], counts[i], rounding)


@jit
def divided(total: int, count: int, rounding: int) -> int:
    """The floor of the quotient, and one more where its remainder says so."""
    quotient = total // count
    rest = total - quotient * count
    if rounding == FLOOR or rest == 0:
        return quotient
    if rounding in (HALF_UP, HALF_AWAY, HALF_EVEN):
        if 2 * rest != count:
            return quotient + (1 if 2 * rest > count else 0)
        if rounding == HALF_UP:
            return quotient + 1
        return quotient + (quotient & 1 if rounding == HALF_EVEN else (1 if total > 0 else 0))
    return quotient + (1 if total < 0 else 0)  # toward zero


@jit
def multiply_all(totals: Integers, counts: Integers, found: Integers) -> None:
    """found[i] = round_shift(totals[i] * m, s) with the reciprocal of counts[i]."""
    for i in range(totals.size):
        extra = 0
        while (1 << extra) < counts[i]:
            extra += 1
        multiplier = (((1 << RECIPROCAL_BITS) + 1) << extra) // counts[i]
        found[i] = round_shift(totals[i] * multiplier, RECIPROCAL_BITS + extra, HALF_UP)
