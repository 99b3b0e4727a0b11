"""Directed vectors of a multiplier, a rounding shift and a clamp, behind an accumulator of any width.

For requantize, and for mul and mean, which make their accumulators out of codes.
"""

from __future__ import annotations

import numpy as np

from bittrue.golden.stimuli.draw import between, of_any_size, walking, walking_signed
from bittrue.golden.stimuli.elementwise import Table
from bittrue.golden.stimuli.pipeline import (
    PLACES,
    Pipeline,
    any_operands,
    fitting_shift,
    neighbours,
    placed_at,
    rounding_operands,
    small_results,
)
from bittrue.spec.arithmetic import code_range
from bittrue.spec.coverage.requantize import LIMITS, shifts
from bittrue.spec.vectors import Integers

PORTS = ("accumulator", "multiplier", "shift", "zero_point", "low", "high")


def pipeline_corners(pipe: Pipeline, rng: np.random.Generator) -> Table:
    """Vectors of PORTS for the pipeline: codes of 8 bits and zero points among them."""
    table = Table(PORTS)
    for shift in shifts(pipe.unit):
        for accumulator, multiplier in rounding_operands(pipe, rng, shift):
            _place(table, pipe, rng, accumulator, multiplier, np.full(accumulator.size, shift, np.int64))
        accumulator, multiplier = any_operands(pipe, rng, shift, 2, reach=90)
        table.add(accumulator=accumulator, multiplier=multiplier, shift=shift, zero_point=3, low=-128, high=127)
    _crosses(table, pipe, rng)
    _extremes(table, pipe, rng)
    _walk(table, pipe, rng)
    _sides_of_ties(table, pipe, rng)
    _returning(table, pipe, rng)
    _limits(table, pipe, rng)
    return table


def _place(
    table: Table, pipe: Pipeline, rng: np.random.Generator, accumulator: Integers, multiplier: Integers, shift: Integers
) -> None:
    """Add vectors whose zero points and limits bring the results near a limit or between both."""
    rounded = pipe.rounded(accumulator, multiplier, shift)
    zero_point, low, high = placed_at(rng, rounded)
    table.add(accumulator=accumulator, multiplier=multiplier, shift=shift, zero_point=zero_point, low=low, high=high)


def _crosses(table: Table, pipe: Pipeline, rng: np.random.Generator) -> None:
    """Every rounding case of both signs at every edge."""
    for accumulator, multiplier, shift in small_results(pipe, rng):
        low, high = LIMITS["activation"]
        target = np.array([low - 9, low - 1, low, low + 1, 30, high - 1, high, high + 1, high + 4], np.int64)
        zero_point = target - pipe.rounded(accumulator, multiplier, shift)
        table.add(
            accumulator=accumulator, multiplier=multiplier, shift=shift, zero_point=zero_point, low=low, high=high
        )  # fmt: skip
        low, high = LIMITS["one_code"]
        table.add(
            accumulator=accumulator[:3], multiplier=multiplier[:3], shift=shift[:3], zero_point=zero_point[:3] + 5,
            low=low, high=high,
        )  # fmt: skip


def _extremes(table: Table, pipe: Pipeline, rng: np.random.Generator) -> None:
    """Both ends of both operands at the ends of the shifter, with every zero point and limit of the bins."""
    low, high = code_range(pipe.bits, signed=True)
    top = 1 << pipe.unit.multiplier_bits
    accumulators = np.array([low, low + 1, -1, 0, 1, high - 1, high], np.int64)
    multipliers = np.array([0, 1, top >> 1, top - 1], np.int64)
    ends = shifts(pipe.unit)
    chosen = np.array(sorted({ends[0], ends[0] + 1, pipe.unit.multiplier_bits, ends[-1]}), np.int64)
    a, m, s = (grid.reshape(-1) for grid in np.meshgrid(accumulators, multipliers, chosen, indexing="ij"))
    _place(table, pipe, rng, a, m, s)
    # Every zero point of the bins with a result at every edge.
    for zero_point, first, last in PLACES:
        for target in (first - 1, first, first + 1, last - 1, last, last + 1):
            rounded = target - zero_point
            shift = int(rng.integers(1, 20)) + ends[0]
            table.add(
                accumulator=rounded << 2, multiplier=1 << (shift - 2) if shift >= 2 else 1, shift=max(shift, 2),
                zero_point=zero_point, low=first, high=last,
            )  # fmt: skip


def _walk(table: Table, pipe: Pipeline, rng: np.random.Generator) -> None:
    """Walking patterns through each operand against values of any size of the other, and through the product."""
    bits = pipe.unit.multiplier_bits
    m = np.repeat(walking(bits), 3)
    a = of_any_size(rng, pipe.bits - 1, m.size, signed=True)
    a[::3] = rng.choice([1, -1, 3], a[::3].size)
    _place(table, pipe, rng, a, m, fitting_shift(pipe, rng, a, m))
    a = np.repeat(walking_signed(pipe.bits), 3)
    m = between(rng, 1 << (bits - 1), (1 << bits) - 1, a.size) | 1
    m[::3] = rng.choice([1, 3, 5], m[::3].size)
    _place(table, pipe, rng, a, m, fitting_shift(pipe, rng, a, m))
    for shift in shifts(pipe.unit):
        places = np.arange(max(shift - 1, 0), min(shift + 8, pipe.bits + bits - 3), dtype=np.int64)
        if places.size:
            right = np.minimum(places // 2 + rng.integers(0, 2, places.size), bits - 1)
            right = np.maximum(right, places - (pipe.bits - 2))
            sign = 1 - 2 * rng.integers(0, 2, places.size)
            _place(
                table, pipe, rng, sign << (places - right), np.int64(1) << right, np.full(places.size, shift, np.int64)
            )


def _sides_of_ties(table: Table, pipe: Pipeline, rng: np.random.Generator) -> None:
    """Neighbours of one operand on the two sides of a tie: a fault in its lowest bit changes the result."""
    for shift in shifts(pipe.unit):
        for fixed in ("multiplier", "accumulator"):
            a, m = neighbours(pipe, rng, shift, fixed, 2)
            _place(table, pipe, rng, a, m, np.full(a.size, shift, np.int64))


def _returning(table: Table, pipe: Pipeline, rng: np.random.Generator) -> None:
    """Results past a limit that a register of w bits would wrap back between the limits."""
    for w in range(8, pipe.bits + pipe.unit.multiplier_bits - 3):
        left = min(w, pipe.bits - 2)
        room = pipe.unit.multiplier_bits - 1 - (w - left)
        for sign in (1, -1):
            small = int(rng.integers(-9, 9)) if left == w else 0
            shift = int(rng.integers(1, min(room, 16), endpoint=True))
            table.add(
                accumulator=sign * (1 << left) + small, multiplier=1 << (shift + w - left), shift=shift,
                zero_point=[5, 100], low=[-128, 0], high=[127, 255],
            )  # fmt: skip


def _limits(table: Table, pipe: Pipeline, rng: np.random.Generator) -> None:
    """Any limits of 8 bits, with results past both."""
    pairs = np.sort(between(rng, -128, 127, (60, 2)), axis=1)
    pairs[::2] += 128
    sign = np.where(np.arange(60) % 4 < 2, 1, -1)
    large = min(pipe.unit.multiplier_bits - 2, max(12, 40 - pipe.bits))
    a = sign * between(rng, 1 << (pipe.bits - 6), 1 << (pipe.bits - 2), 60)
    m = between(rng, 1 << large, 2 << large, 60)
    table.add(
        accumulator=a, multiplier=m, shift=between(rng, 2, 20, 60), zero_point=pairs[:, 0], low=pairs[:, 0],
        high=pairs[:, 1],
    )  # fmt: skip
