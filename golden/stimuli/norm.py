"""Stimuli of the norm unit of kind `exact`.

Directed: rows of every shape and length; rows in which the lowest bit of the reciprocal decides a rounding, each in a
channel that shows it; roots and reciprocals at their corners, through epsilon; every rounding case of both roundings
at every edge.
"""

from __future__ import annotations

import numpy as np

from bittrue.golden.stimuli.draw import between, generator, of_any_size, walking
from bittrue.golden.stimuli.norm_ends import ends
from bittrue.golden.stimuli.norm_rows import drawn, shapes
from bittrue.golden.stimuli.norm_sets import gammas, norm_set, scaling_for, shown
from bittrue.golden.stimuli.norm_statistics import decided, magnitudes, roots, roundings
from bittrue.golden.stimuli.pipeline import wide_ends
from bittrue.spec.coverage.cases import CASES
from bittrue.spec.coverage.norm import LENGTHS, norm_served
from bittrue.spec.coverage.requantize import LIMITS, ZERO_POINTS
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.norm.exact import ExactNorm
from bittrue.spec.vectors import Stimuli, StimulusKind


def norm_stimuli(datapath: Datapath, kind: StimulusKind, seed: int) -> tuple[Stimuli, ...]:
    """Sets of one kind for the unit `norm`."""
    unit = norm_served(datapath)
    rng = generator(seed, "norm", kind)
    if kind == "directed":
        return (
            *_rows(unit, rng),
            *decided(unit, rng),
            *roundings(unit, rng),
            *roots(unit, rng),
            *magnitudes(unit, rng),
            *_affine(unit, rng),
            *_wide(unit, rng),
            *ends(unit, rng),
            *_spread(unit, rng),
        )
    return tuple(_drawn(unit, rng, kind, n, rows) for n, rows in ((16, 1000), (64, 500), (144, 200)))


def _rows(unit: ExactNorm, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Every shape at every length, with gammas of any size and betas of both signs."""
    sets = []
    for label, n in LENGTHS.items():
        rows = shapes(n)
        if n <= 17:
            rows = np.concatenate([rows, drawn(rng, n, 40)])
        elif n > 100:
            rows = np.concatenate([rows[:9], rows[10:13], drawn(rng, n, 2)])
        scaling = scaling_for(unit, n, 1 if n in (3, 1024) else 40)
        shift = unit.fraction_bits + unit.multiplier_bits - 6
        beta = between(rng, -40 << shift, 40 << shift, n)
        beta[::5] = 0
        sets.append(norm_set(f"rows_of_{label}", rows, scaling, gamma=gammas(unit, rng, n), beta=beta, shift=shift))
    # Constant rows have the largest reciprocals.
    for epsilon in (2, 3, 7, 23, 90):
        constant = np.repeat(np.array([[-3], [100]], np.int64), LENGTHS["long"], axis=1)
        scaling = scaling_for(unit, LENGTHS["long"], epsilon)
        sets.append(
            norm_set(f"constant_{epsilon}", constant, scaling, gamma=1, beta=between(rng, -99, 99, scaling.n), shift=1)
        )
    # Every gamma pattern, seen down to the last bit of a product.
    patterns = walking(unit.multiplier_bits)
    gamma = np.concatenate([patterns, -patterns])
    scaling = scaling_for(unit, gamma.size, 7)
    rows = drawn(rng, gamma.size, 6)
    sets.append(shown("gammas", rows, scaling, rng, gamma=gamma))
    unsigned = scaling_for(unit, 16, 11, signed=False)
    codes = np.concatenate([shapes(16, low=0), drawn(rng, 16, 40, low=0), np.full((1, 16), 255)])
    shift = unit.fraction_bits + unit.multiplier_bits - 6
    unsigned_set = norm_set(
        "unsigned", codes, unsigned, gamma=gammas(unit, rng, 16), beta=between(rng, 0, 99 << shift, 16), shift=shift,
        zero_point=128, limits=(0, 255),
    )  # fmt: skip
    return (*sets, unsigned_set)


def _affine(unit: ExactNorm, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Constant rows leave u = 0: beta alone puts any rounding case of either sign at any edge, at any shift."""
    sets = []
    low, high = LIMITS["activation"]
    goals = (low - 9, low - 1, low, low + 1, 30, high - 1, high, high + 1, high + 9)
    rows = np.array([5, -128, 0, 127], np.int64)
    for index, (zero_point, shift) in enumerate(((-60, 9), (125, 9), (-60, 30), (125, 40))):
        half = 1 << (shift - 1)
        rest = {"exact": 0, "tie": half, "below": half - 1, "above": half + 1, "other": 3}
        beta = [((goal - zero_point) << shift) + rest[case] for case in CASES for goal in goals]
        # What half_up moves up by one stands one below as well, so that each edge is met by either rule.
        beta += [value - (1 << shift) for value in beta]
        n = len(beta)
        sets.append(
            norm_set(
                f"edges_{index}", np.concatenate([np.repeat(rows[:, None], n, axis=1), drawn(rng, n, 2)]),
                scaling_for(unit, n, 9), gamma=gammas(unit, rng, n), beta=np.array(beta, np.int64), shift=shift,
                zero_point=zero_point, limits=(low, high),
            )
        )  # fmt: skip
    shifts = np.arange(1, unit.shift_max + 1, dtype=np.int64)
    n = shifts.size
    for name, zero_point in (("shifts", 3), *((f"zero_point_{label}", z) for label, z in ZERO_POINTS.items())):
        limits = LIMITS["unsigned"] if zero_point > 127 else LIMITS["signed"]
        ceiling = np.minimum(shifts, 55)
        size = np.int64(1) << np.maximum(ceiling - 1, 0)
        betas = between(rng, -60, 60, n) * (np.int64(1) << ceiling) + between(rng, 0, 2 * size - 1, n)
        codes = np.concatenate([np.repeat(rows[:, None], n, axis=1), drawn(rng, n, 6), shapes(n)[9:13]])
        sets.append(
            norm_set(
                name, codes, scaling_for(unit, n, 50), gamma=gammas(unit, rng, n) >> np.maximum(0, 36 - shifts),
                beta=betas, shift=shifts, zero_point=zero_point, limits=limits,
            )
        )  # fmt: skip
    return tuple(sets)


def _wide(unit: ExactNorm, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Zero points of up to 31 bits, limits of 16-bit codes, and betas that bring constant rows to and past them."""
    sets, n, shift = [], 24, 14
    zero_points, lows, highs = wide_ends(rng, of_any_size(rng, 30, 24, signed=True))
    for index, (zero_point, low, high) in enumerate(zip(zero_points, lows, highs, strict=True)):
        goal = rng.choice([low - 1, low, low + 1, high - 1, high, high + 1], n)
        goal[::3] = between(rng, int(low), int(high), 8)
        goal[1::6] = (1 << between(rng, 18, 46, 4)) * (1 - 2 * rng.integers(0, 2, 4)) + goal[1::6]
        beta = (goal - zero_point) * (1 << shift) + between(rng, 0, (1 << shift) - 1, n)
        rows = np.concatenate([np.repeat(np.array([[3], [-100]], np.int64), n, axis=1), drawn(rng, n, 2)])
        sets.append(
            norm_set(
                f"wide_codes_{index}", rows, scaling_for(unit, n, 17), gamma=gammas(unit, rng, n), beta=beta,
                shift=shift, zero_point=int(zero_point), limits=(int(low), int(high)),
            )
        )  # fmt: skip
    return tuple(sets)


def _spread(unit: ExactNorm, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """One gamma, beta and shift for all channels of a row, and as many of each as the longest row has channels."""
    shift, n = unit.fraction_bits + unit.multiplier_bits - 6, 19
    rows = np.concatenate([shapes(n)[5:9], drawn(rng, n, 4)])
    one = norm_set(
        "one_for_all",
        rows,
        scaling_for(unit, n, 40),
        gamma=40961,
        beta=(5 << shift) + 12345,
        shift=shift,
        zero_point=-9,
    )
    n = LENGTHS["long"] * 4
    shifts = shift + between(rng, 0, 3, n)
    each = norm_set(
        "one_for_each", drawn(rng, n, 2), scaling_for(unit, n, 40), gamma=gammas(unit, rng, n),
        beta=between(rng, -40, 40, n) << shifts, shift=shifts,
    )  # fmt: skip
    return one, each


def _drawn(unit: ExactNorm, rng: np.random.Generator, kind: StimulusKind, n: int, rows: int) -> Stimuli:
    """uniform: any codes; shaped: normal rows and gammas near 1, as networks have them."""
    shift = unit.fraction_bits + unit.multiplier_bits - 6
    top = 1 << (unit.multiplier_bits - 1)
    if kind == "uniform":
        codes, gamma = between(rng, -128, 127, (rows, n)), between(rng, -2 * top + 1, 2 * top - 1, n)
    else:
        codes = np.clip(np.rint(rng.normal(-10, 30, (rows, n))), -128, 127).astype(np.int64)
        gamma = between(rng, top // 2, 2 * top - 1, n)
    beta = between(rng, -20 << shift, 20 << shift, n)
    return norm_set(
        f"{kind}_{n}", codes, scaling_for(unit, n, n * n // 8), gamma=gamma, beta=beta, shift=shift, kind=kind
    )
