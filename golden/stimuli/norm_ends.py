"""Directed rows of a norm unit at the ends of its registers, where nothing of a network comes."""

from __future__ import annotations

import numpy as np

from bittrue.golden.stimuli.draw import between
from bittrue.golden.stimuli.norm_rows import drawn
from bittrue.golden.stimuli.norm_sets import norm_set, scaling_for
from bittrue.spec.units.norm.exact import ExactNorm
from bittrue.spec.vectors import Integers, Stimuli

LONGEST = 4096
"""Codes of the longest row (docs/mutation.md, domain)."""
ZERO_POINT = 3


def ends(unit: ExactNorm, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """The largest reciprocals, products and normalized values; shifts at both ends; betas of any size."""
    return (*_longest(unit), *_scalings(unit, rng), _far(unit, rng), *_brought_back(unit, rng), *_ties(unit, rng))


def _longest(unit: ExactNorm) -> tuple[Stimuli, ...]:
    """A constant row, whose reciprocal is the largest there is, and outliers of either sign in front of both gammas."""
    n, top = LONGEST, (1 << unit.multiplier_bits) - 1
    rows = np.stack([np.full(n, 7), *(_outlier(n, *each) for each in ((0, 127, 0), (1, 127, -128), (2, -128, 127)))])
    gamma = np.where(np.arange(n) % 2 == 0, top, -top)
    # 22 bits of a normalized value and gamma's leave 6 for the code.
    shift = unit.multiplier_bits + unit.fraction_bits
    return tuple(
        norm_set(f"longest_{epsilon}", some, scaling_for(unit, n, epsilon), gamma=gamma, beta=0, shift=shift)
        for epsilon, some in ((1, rows), (2, rows[:1]))
    )


def _outlier(n: int, position: int, code: int, others: int) -> Integers:
    row = np.full(n, others, np.int64)
    row[position] = code
    return row


def _scalings(unit: ExactNorm, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Epsilons that fill the variance's register: no shift in front of the root, and the fewest reciprocal bits."""
    sets = []
    for n, rows in ((1, np.array([[5], [-128]], np.int64)), (2, drawn(rng, 2, 4)), (1025, drawn(rng, 1025, 2))):
        most = (1 << unit.variance_bits) - 1 - (n * 255) ** 2
        for index, epsilon in enumerate((most, 1 << (unit.variance_bits - 1))):
            beta = between(rng, -200, 200, n)
            scaling = scaling_for(unit, n, epsilon)
            sets.append(norm_set(f"unshifted_{n}_{index}", rows, scaling, gamma=1, beta=beta, shift=1))
    return tuple(sets)


def _far(unit: ExactNorm, rng: np.random.Generator) -> Stimuli:
    """Constant rows leave u = 0: betas make results of any size, of which a lost bit would make codes; and the ends."""
    bits = np.arange(16, unit.shift_max - 1)
    goals = [sign * (np.int64(1) << bits) + between(rng, -100, 100, bits.size) for sign in (1, -1) for _ in range(2)]
    # Half of the register less the largest half of a shift and what u and gamma may add (spec/units/catalog.py).
    room = (1 << 63) - (1 << (unit.shift_max - 1)) - (1 << 40)
    largest = np.array([room, -room, room - (1 << 60), (1 << 60) - room], np.int64)
    beta = np.concatenate([(np.concatenate(goals) - ZERO_POINT) * 2, largest, between(rng, -room, room, 24)])
    rows = np.repeat(np.array([[5], [-128], [127]], np.int64), beta.size, axis=1)
    scaling = scaling_for(unit, beta.size, 17)
    return norm_set("far", rows, scaling, gamma=1, beta=beta, shift=1, zero_point=ZERO_POINT)


def _brought_back(unit: ExactNorm, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Results of 31 bits that only a zero point of 31 bits makes codes."""
    sets = []
    for index, zero_point in enumerate((-(1 << 30), (1 << 30) - 1)):
        beta = (between(rng, -100, 100, 8) - zero_point) * 2
        rows = np.repeat(np.array([[5], [-128]], np.int64), beta.size, axis=1)
        scaling = scaling_for(unit, beta.size, 17)
        name = f"brought_back_{index}"
        sets.append(norm_set(name, rows, scaling, gamma=1, beta=beta, shift=1, zero_point=zero_point))
    return tuple(sets)


def _ties(unit: ExactNorm, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """A tie, and one below it, in front of every shift."""
    shift = np.arange(1, unit.shift_max + 1, dtype=np.int64)
    half = np.int64(1) << (shift - 1)
    sets = []
    for index, less in enumerate((0, 0, 1)):
        goal = np.where(shift > 54, -(index % 2), between(rng, -60, 60, shift.size))
        rows = np.repeat(np.array([[-3], [9]], np.int64), shift.size, axis=1)
        beta = goal * 2 * half + half - less
        scaling = scaling_for(unit, shift.size, 50)
        sets.append(norm_set(f"ties_{index}", rows, scaling, gamma=1, beta=beta, shift=shift, zero_point=ZERO_POINT))
    return tuple(sets)
