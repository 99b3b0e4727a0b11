"""Random valid parameters of every kind of softmax unit, and rows of logits with the corners, for the tests of
units and of ops. No scale of logits stands behind the parameters: all that a unit admits may come."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from op_parts import Constants

from bittrue.spec.arithmetic import code_range
from bittrue.spec.units.section import Width
from bittrue.spec.units.softmax import (
    GemmlowpSoftmax,
    IbertSoftmax,
    ItaSoftmax,
    IvitSoftmax,
    SoftmaxUnit,
    TableSoftmax,
    UnnormalisedSoftmax,
)
from bittrue.spec.units.softmax.gemmlowp import REACH
from bittrue.spec.units.softmax.log2 import Log2Softmax

FACTOR_MAX = (1 << 31) - 1
PRODUCT_MAX = (1 << 62) - 1


def softmax_parameters(rng: Generator, unit: SoftmaxUnit, bits: int, n: int, rows: int | None = None) -> Constants:
    """The unit's parameters for rows of n logits of `bits` bits: of one element, or [rows, 1] with `rows`."""
    if isinstance(unit, ItaSoftmax):
        return {}
    if isinstance(unit, TableSoftmax | UnnormalisedSoftmax):
        return {"table": _table(rng, unit.exponential_bits, bits)}
    drawn = [_of_a_row(rng, unit, bits, n) for _ in range(rows or 1)]
    shape = (1,) if rows is None else (rows, 1)
    return {name: np.array([one[name] for one in drawn], np.int64).reshape(shape) for name in drawn[0]}


def _table(rng: Generator, exponential_bits: int, bits: int) -> NDArray[np.integer]:
    """Exponentials of a random scale or, as often, any entries behind the first."""
    top = (1 << exponential_bits) - 1
    if rng.integers(2):
        scale = float(rng.choice([0.001, 0.05, 0.2, 3.0]))
        return np.array([round(top * math.exp(-d * scale)) for d in range(1 << bits)])
    table = rng.integers(0, top, 1 << bits, endpoint=True)
    table[0] = top
    return table


def _of_a_row(rng: Generator, unit: SoftmaxUnit, bits: int, n: int) -> dict[str, int]:
    if isinstance(unit, GemmlowpSoftmax):
        shift = int(rng.integers(0, 32))
        multiplier = int(rng.choice([1 << 30, FACTOR_MAX, rng.integers(1 << 30, 1 << 31)]))
        lowest = REACH >> shift
        return {
            "multiplier": multiplier,
            "shift": shift,
            "difference_min": -int(rng.choice([lowest, rng.integers(0, lowest, endpoint=True), min(lowest, 100)])),
        }
    if isinstance(unit, IvitSoftmax):
        largest = (1 << unit.sum_bits) - 1
        if unit.sum_overflow == "refuse":
            largest //= n
        return {"octave": magnitude(rng, 1, min(largest >> unit.halvings, FACTOR_MAX), 1 << bits)}
    if isinstance(unit, IbertSoftmax):
        octave, b = _octave_and_line(rng, bits, FACTOR_MAX)
        multiplier = magnitude(rng, 1, (1 << unit.multiplier_bits) - 1)
        c = magnitude(rng, 2, PRODUCT_MAX // multiplier, b * b // 3)
        shift_max = min((c * multiplier).bit_length() - 1, 62)
        near = (c * multiplier).bit_length() - unit.exponential_bits + int(rng.integers(-1, 3))
        shift = near if rng.integers(2) and 1 <= near <= shift_max else int(rng.integers(1, shift_max + 1))
        return {"octave": octave, "b": b, "c": c, "multiplier": multiplier, "shift": shift}
    assert isinstance(unit, Log2Softmax), unit
    largest = PRODUCT_MAX // n >> unit.halvings
    octave, b = _octave_and_line(rng, bits, largest if unit.at_zero == "b" else FACTOR_MAX)
    return {"octave": octave, "b": b, **({"c": magnitude(rng, 1, largest, b * b // 3)} if unit.at_zero == "c" else {})}


def _octave_and_line(rng: Generator, bits: int, b_max: int) -> tuple[int, int]:
    """An octave and a b of at least octave - 1."""
    b_max = min(b_max, FACTOR_MAX)
    octave = magnitude(rng, 1, b_max, 1 << (bits - 1))
    return octave, max(octave - 1, 1) if rng.integers(4) == 0 else magnitude(rng, max(octave - 1, 1), b_max, 2 * octave)


def magnitude(rng: Generator, low: int, high: int, usual: int = 0) -> int:
    """low, high, any number of bits between them or, if it is one, a number near `usual`."""
    near = usual + int(rng.integers(-(usual // 8) - 1, usual // 8 + 2))
    if low <= near <= high and rng.integers(3):
        return near
    if rng.integers(6) == 0:
        return int(rng.choice([low, high]))
    length = int(rng.integers(low.bit_length(), high.bit_length() + 1))
    return min(max(int(rng.integers(1 << (length - 1), 1 << length)), low), high)


def logit_rows(rng: Generator, logits: Width, n: int, group: int = 4) -> NDArray[np.int64]:
    """Rows with the corners first: equal logits, one high or low among the others, ascending and descending rows,
    rows whose maximum rises or falls in every group of `group` logits; then any codes. int64 [rows, n]."""
    low, high = code_range(logits.bits, logits.signed)
    index = np.arange(n)
    ramp = low + index * (high - low) // max(n - 1, 1)
    rows = [np.full(n, code) for code in (low, high, (low + high) // 2)]
    for place in {0, n // 2, n - 1}:
        rows += [np.where(index == place, high, low), np.where(index == place, low, high)]
    rows += [ramp, ramp[::-1]]
    for step in {1, 2, int(rng.integers(1, 80)), (high - low) // (-(-n // group))}:
        stairs = low + index // group * step
        rows += [stairs, stairs[::-1], stairs - rng.integers(0, step + 1, n), high - (index // group % 2) * step]
    rows += [rng.integers(low, high, n, endpoint=True) for _ in range(3)]
    rows += [high - rng.integers(0, 12, n), rng.choice([low, high], n)]
    return np.clip(np.array(rows, np.int64), low, high)
