"""Directed rows of a norm unit for its statistics: roundings, roots and reciprocals at their corners."""

from __future__ import annotations

import numpy as np

from bittrue.golden.stimuli.norm_rows import (
    drawn,
    near_ties,
    scaling_of,
    shapes,
    spread,
    with_root,
    with_rounding,
)
from bittrue.golden.stimuli.norm_sets import scaling_for, shown
from bittrue.spec.coverage.norm import LENGTHS
from bittrue.spec.units.norm.exact import ExactNorm
from bittrue.spec.vectors import Integers, Stimuli


def decided(unit: ExactNorm, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Rows in which the last bit of the reciprocal, and so of the root, decides."""
    sets = []
    for n, epsilon in ((16, 1), (33, 300), (64, 12345)):
        scaling = scaling_for(unit, n, epsilon)
        rows = near_ties(scaling, rng, n, 20000)
        for part in range(-(-len(rows) // n)):
            sets.append(shown(f"decided_{n}_{part}", rows[part * n : (part + 1) * n], scaling, rng))
        plain = np.concatenate([shapes(n)[:8], drawn(rng, n, n)])
        sets.append(shown(f"shown_{n}", plain, scaling, rng))
    return tuple(sets)


def roundings(unit: ExactNorm, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Ties in front of `normalized` and their neighbours, of both signs, in rows that are solved for them."""
    sets = []
    for case in ("tie", "below", "above"):
        for index in range(4):
            scaling = None
            for _ in range(12):
                row = drawn(rng, (15, 16, 9, 33)[index], 1)[0]
                scaling = with_rounding(unit, rng, row, case)
                if scaling is not None:
                    break
            if scaling is not None:
                rows = np.stack([row, -row - 1, np.roll(row, 1), np.roll(row, 7)])
                sets.append(shown(f"{case}_{index}", rows, scaling, rng))
    return tuple(sets)


def roots(unit: ExactNorm, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Variances at the corners of the root and of the divider; rows of 4 that add little to epsilon."""
    n, bits = 4, unit.variance_bits
    half = 1 << (bits // 2)
    corners = [half >> 1, half - 1, (half >> 1) + 1, half - 2, 0x55555555, 0x6AAAAAAA & (half - 1) | half >> 1]
    corners += [int(x) for x in rng.integers(half >> 1, half, 4)]
    variances = [root * root for root in corners]
    variances += [root * root + 2 * root for root in corners if root * root + 2 * root < 1 << bits]
    variances += [root * root - 1 for root in corners] + [root * root + root for root in corners[2:5]]
    variances += [int(x) for x in rng.integers(1 << (bits - 1), 1 << bits, 6)] + [
        1 << (bits - 1),
        (1 << bits) - 65026 * 4,
    ]
    plain = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [-128, 127, -128, 127], [3, -5, 90, -128]], np.int64)
    sets = []
    for index, variance in enumerate(dict.fromkeys(variances)):
        scaling = scaling_of(unit, n, variance)
        if scaling is not None:
            sets.append(shown(f"root_{index}", plain, scaling, rng))
    for index, root in enumerate(_divisors(unit)):
        scaling = with_root(unit, plain[0], root)
        if scaling is not None:
            sets.append(shown(f"divisor_{index}", plain, scaling, rng))
    for power in (20, 30, 34, 40, 44, 50, 56):  # powers of four: the root and its reciprocal are powers of two
        row = plain[3]
        scaling = scaling_of(unit, n, (1 << power) - spread(row))
        if scaling is not None:
            sets.append(shown(f"power_{power}", np.stack([row, row[::-1], -1 - row, plain[0]]), scaling, rng))
    return tuple(sets)


def magnitudes(unit: ExactNorm, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Variances of any number of bits and the longest reciprocals, behind which a code still moves the output.

    An outlier in a long row is so far from its mean that a normalized value is left of it, whatever epsilon is.
    """
    sets = []
    for bit in range(34, unit.variance_bits):
        n = 256 if bit < 54 else LENGTHS["long"]
        rows = _outliers(n, ((0, 127), (1, -128)))
        low_bits = int(rng.integers(1, 1 << (bit - 1)))
        scaling = scaling_of(unit, n, (1 << bit) + low_bits)
        if scaling is not None:
            sets.append(shown(f"variance_{bit}", rows, scaling, rng))
    n = LENGTHS["long"]
    small = _outliers(n, ((0, 1), (1, -1), (2, 2), (3, -3), (4, 7), (5, -12), (6, 30), (7, -77)))
    large = np.stack([np.where(np.arange(n) % 2 == 0, code, -code) for code in (50, 71, 99)])
    sets.append(shown("reciprocals", np.concatenate([small, large]), scaling_for(unit, n, 1), rng))
    codes = 255 - np.abs(_outliers(4 * n, ((0, 255), (1, 1), (2, 100), (3, 90), (4, 90), (5, 90))))
    codes[3, :2] = 0  # several outliers leave other products than one
    codes[4] -= 105
    codes[5, n:] = 20
    sets.append(shown("unsigned_long", codes, scaling_for(unit, 4 * n, 1, signed=False), rng))
    return tuple(sets)


def _outliers(n: int, places: tuple[tuple[int, int], ...]) -> Integers:
    """[rows, n]: zeros, and one other code in each row."""
    rows = np.zeros((len(places), n), np.int64)
    for row, (position, code) in enumerate(places):
        rows[row, position] = code
    return rows


def _divisors(unit: ExactNorm) -> list[int]:
    """Roots that divide 2**62 + 1 and 2**62 - 1: the reciprocal's division leaves itself less 1, or 1."""
    half = 1 << (unit.variance_bits // 2)
    primes = {1: (5, 5581, 8681, 49477, 384773), -1: (3, 715827883, 2147483647)}
    found = []
    for sign, factors in primes.items():
        divisors = {1}
        for prime in factors:
            divisors |= {d * prime for d in divisors}
        assert max(divisors) == (1 << 62) + sign
        found += sorted(d for d in divisors if half >> 1 <= d < half)
    return found
