"""Rows for the exact norm, and constants solved for them: which epsilon gives a wanted root or a wanted rounding.

epsilon is a constant of the unit that is free from 1 up to what the variance's register leaves: it moves the variance
of a row to any value, and with it the root R = floor(sqrt(V << 2k)) and the reciprocal r = floor(2^p / R).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bittrue.golden.stimuli.draw import between
from bittrue.spec.arithmetic import round_shift
from bittrue.spec.units.norm.exact import ExactNorm
from bittrue.spec.units.section import Width
from bittrue.spec.vectors import Integers


@dataclass(frozen=True)
class Scaling:
    """The constants that follow from the length of a row, the codes' register and epsilon."""

    unit: ExactNorm
    n: int
    epsilon: int
    root_shift: int
    reciprocal_bits: int

    @property
    def shift(self) -> int:
        """The shift in front of `normalized`."""
        return self.reciprocal_bits - self.root_shift - self.unit.fraction_bits

    def root(self, row: Integers) -> int:
        """R of a row."""
        return math.isqrt((spread(row) + self.epsilon) << (2 * self.root_shift))

    def products(self, row: Integers) -> Integers:
        """(n*c - S1) * r of each element, [n]."""
        return (self.n * row - int(row.sum())) * ((1 << self.reciprocal_bits) // self.root(row))

    def normalized(self, row: Integers) -> Integers:
        """u of each element, [n]: what gamma and beta are chosen for."""
        found: Integers = round_shift(self.products(row), self.shift, self.unit.rounding)
        return found


def scaling_of(unit: ExactNorm, n: int, epsilon: int, *, signed: bool = True) -> Scaling | None:
    """The constants of rows of n codes of 8 bits; None where the unit refuses them."""
    shift, bits = unit.root_shift_and_reciprocal_bits(Width(8, signed), n, epsilon)
    row = unit.statistics(Width(8, signed), n, 0)
    if (row.variance + epsilon).bit_length() > unit.variance_bits or bits - shift - unit.fraction_bits < 1:
        return None
    return Scaling(unit, n, epsilon, shift, bits)


def spread(row: Integers) -> int:
    """n * S2 - S1 * S1."""
    return row.size * int((row * row).sum()) - int(row.sum()) ** 2


def shapes(n: int, *, low: int = -128) -> Integers:
    """[rows, n]: constant, one outlier, half at either end, ascending and descending; big rows in front of small."""
    high, steps = low + 255, np.arange(n, dtype=np.int64)
    found = [np.full(n, code) for code in (high, low, 0, max(low, -1), 1)]
    found += [np.where(steps % 2 == odd, low, high) for odd in (0, 1)]
    found += [np.where(steps < n // 2, low, high), np.where(steps < n // 2, high, low)]
    for position in dict.fromkeys((0, n // 2, n - 1)):
        for base, other in ((low, high), (high, low), (0, 1), (5, 4)):
            found.append(np.where(steps == position, other, base))
    for step in (1, 2, 7):
        ramp = np.clip(low + step * steps, low, high)
        found += [ramp, ramp[::-1], np.clip(high - step * steps, low, high)]
    return np.stack(found).astype(np.int64)


def drawn(rng: np.random.Generator, n: int, rows: int, *, low: int = -128) -> Integers:
    """[rows, n]: rows of any spread around any centre."""
    centre = between(rng, low + 20, low + 235, (rows, 1))
    width = np.int64(1) << between(rng, 0, 8, (rows, 1))
    values: Integers = np.clip(centre + between(rng, -128, 128, (rows, n)) * width // 128, low, low + 255)
    return values


def near_ties(scaling: Scaling, rng: np.random.Generator, count: int, batch: int = 30000) -> Integers:
    """[up to 2 * count, n]: rows in which r + 1, or r - 1, would move an element past a tie."""
    rows = drawn(rng, scaling.n, batch)
    s1 = rows.sum(axis=1)
    variance = scaling.n * (rows * rows).sum(axis=1) - s1 * s1 + scaling.epsilon
    root = np.array([math.isqrt(int(v) << (2 * scaling.root_shift)) for v in variance], np.int64)
    numerator = scaling.n * rows - s1[:, None]
    past = (numerator * ((1 << scaling.reciprocal_bits) // root)[:, None] + (1 << (scaling.shift - 1))) & (
        (1 << scaling.shift) - 1
    )
    found = []
    for sign in (1, -1):
        step = sign * numerator
        moved = ((step < 0) & (past < -step)) | ((step > 0) & (past >= (1 << scaling.shift) - step))
        where = np.flatnonzero(moved.any(axis=1))[:count]
        # The element that decides comes to a place of its own, so that its channel can show it.
        for place, index in enumerate(where):
            found.append(np.roll(rows[index], place - int(moved[index].argmax())))
    return np.array(found, np.int64).reshape(-1, scaling.n)


def with_root(unit: ExactNorm, row: Integers, root: int) -> Scaling | None:
    """Constants that give the row this root and the longest reciprocal, 2**62 // root; None where there are none."""
    for root_shift in range(1, 8):
        epsilon = -(-(root * root) // (1 << (2 * root_shift))) - spread(row)
        found = scaling_of(unit, row.size, epsilon) if epsilon >= 1 else None
        if found is not None and found.root(row) == root and found.reciprocal_bits == 62:
            return found
    return None


def with_rounding(
    unit: ExactNorm, rng: np.random.Generator, row: Integers, case: str, tries: int = 400
) -> Scaling | None:
    """Constants with which some element of the row meets a rounding case in front of `normalized`.

    Solves for r modulo 2**shift, then for the root, then for the variance, and takes epsilon from it.
    """
    numerators = row.size * row - int(row.sum())
    if case == "tie":
        return _tie(unit, row, numerators)
    odd = numerators[numerators % 2 == 1]
    for _ in range(tries if odd.size else 0):
        # A variance far above the row's own leaves a reciprocal of 32 bits and a shift of about as many.
        guess = scaling_of(unit, row.size, 1 << int(rng.integers(33, 37)))
        if guess is None:
            continue
        half = 1 << (guess.shift - 1)
        rest = half - 1 if case == "below" else half + 1
        reciprocal = (rest * pow(int(rng.choice(odd)), -1, 1 << guess.shift)) % (1 << guess.shift)
        reciprocal += int(rng.integers(0, 1 + (1 << max(0, 32 - guess.shift)))) << guess.shift
        if not reciprocal:
            continue
        root = (1 << guess.reciprocal_bits) // reciprocal
        variance = -(-(root * root) // (1 << (2 * guess.root_shift)))
        epsilon = variance - spread(row)
        found = scaling_of(unit, row.size, epsilon) if epsilon >= 1 else None
        if found is not None and (found.products(row) & ((1 << found.shift) - 1) == rest).any():
            return found
    return None


def _tie(unit: ExactNorm, row: Integers, numerators: Integers) -> Scaling | None:
    """A root that is a power of two has such a reciprocal; some numerator then leaves half of the last place."""
    for power in range(unit.variance_bits // 2 - 1, 8, -1):
        epsilon = (1 << (2 * power)) - spread(row)
        found = scaling_of(unit, row.size, epsilon) if epsilon >= 1 else None
        if found is not None and (found.products(row) & ((1 << found.shift) - 1) == 1 << (found.shift - 1)).any():
            return found
    return None
