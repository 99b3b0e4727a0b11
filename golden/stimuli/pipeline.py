"""Operands for a multiplier, a rounding shift and a clamp: what the stimuli of requantize, mul, mean and add share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.stimuli.draw import between, walking_signed
from bittrue.golden.stimuli.solve import factors, tie
from bittrue.spec.arithmetic import code_range, round_shift
from bittrue.spec.coverage.cases import CASES, EDGES, SIGNS, has_sign, rounding_case
from bittrue.spec.coverage.requantize import LIMITS, ZERO_POINTS
from bittrue.spec.units.requantization import RequantizationUnit
from bittrue.spec.vectors import Integers

Operands = tuple[Integers, Integers]
PLACES = tuple(
    (zero_point, *limits)
    for zero_point in ZERO_POINTS.values()
    for limits in LIMITS.values()
    if limits[0] <= zero_point <= limits[1] or limits != LIMITS["one_code"]
)
"""Zero points with limits of 8-bit codes."""


@dataclass(frozen=True)
class Pipeline:
    """A requantizer behind an accumulator of `bits` bits."""

    unit: RequantizationUnit
    bits: int
    makes: Callable[[Integers], NDArray[np.bool_]] = lambda accumulator: np.ones(accumulator.shape, bool)
    """Which accumulators what stands in front can make."""

    def rounded(self, accumulator: Integers, multiplier: Integers, shift: Integers) -> Integers:
        """What the rounding shift gives: needed to choose zero points that bring it to a limit."""
        product = accumulator * multiplier
        return np.where(shift > 0, round_shift(product, np.maximum(shift, 1), self.unit.rounding), product)


def placed_at(rng: np.random.Generator, rounded: Integers) -> tuple[Integers, Integers, Integers]:
    """Zero points of 8 bits and limits that bring rounded values to a limit or between both, as far as one can."""
    n = rounded.size
    pairs = np.array([LIMITS["signed"], LIMITS["unsigned"], LIMITS["signed"], LIMITS["activation"]], np.int64)
    low, high = pairs[rng.integers(0, len(pairs), n)].T
    offset = between(rng, -2, 2, n)
    place = rng.integers(0, 4, n)
    target = np.where(place == 0, low + offset, np.where(place == 1, high + offset, between(rng, low, high, n)))
    return np.clip(target - rounded, np.where(low == 0, 0, -128), np.where(low == 0, 255, 127)), low, high


def wide_ends(rng: np.random.Generator, rounded: Integers) -> tuple[Integers, Integers, Integers]:
    """Zero points of up to 31 bits and any limits of 16-bit codes, signed or unsigned, that bring rounded values to a
    limit, between both or past them."""
    n = rounded.size
    patterns = np.clip(walking_signed(17), -(1 << 15), (1 << 16) - 1)
    pairs = np.where(rng.integers(0, 2, (n, 2)) == 0, rng.choice(patterns, (n, 2)), between(rng, -32768, 65535, (n, 2)))
    pairs[::5] = (-32768, 32767)
    pairs[1::5] = (0, 65535)
    pairs[2::10] = -1 - (pairs[2::10] & 1023)  # both negative
    low, high = np.sort(pairs, axis=1).T
    place, offset = rng.integers(0, 4, n), between(rng, -2, 2, n)
    goal = np.where(place == 0, low + offset, np.where(place == 1, high + offset, between(rng, low, high, n)))
    far = rng.integers(0, 8, n) == 0
    goal = np.where(far, goal + between(rng, -(1 << 30), 1 << 30, n), goal)
    return np.clip(goal - rounded, -(1 << 30), (1 << 30) - 1), low, high


def any_ends(rng: np.random.Generator, size: int) -> tuple[Integers, Integers, Integers]:
    """Any zero points of 31 bits and any limits of 16-bit codes, with no regard to what is rounded: so that the upper
    bits of every wire in front of the clamp are seen."""
    zero_point = between(rng, -(1 << 30), (1 << 30) - 1, size)
    zero_point[::3] = rng.choice([-(1 << 30), (1 << 30) - 1], len(zero_point[::3]))
    pairs = between(rng, -(1 << 15), (1 << 16) - 1, (size, 2))
    pairs[1::6] = (1 << 16) - 1 - pairs[1::6] % 4  # both ends past 15 bits
    pairs[2::6] = -1 - pairs[2::6] % 4  # both ends negative
    low, high = np.sort(pairs, axis=1).T
    return zero_point, low, high


def returning(
    pipe: Pipeline, rng: np.random.Generator, accumulator: Integers, bits: Integers
) -> dict[str, Integers] | None:
    """Multiplier, shift, zero point and limits that place each accumulator at 2**bits (of its sign) and a code: a wire
    that loses this one bit would return between the limits. None where that cannot be for all of them."""
    size, least = np.abs(accumulator), 0 if pipe.unit.shift_min <= 1 else pipe.unit.shift_min
    width = np.array([int(a).bit_length() for a in size], np.int64)
    shift = np.clip(pipe.unit.multiplier_bits - 1 + width - bits, least, pipe.unit.shift_max)
    target = [1 << int(b + s) for b, s in zip(bits, shift, strict=True)]
    multiplier = np.array([(t + int(a) // 2) // int(a) for t, a in zip(target, size, strict=True)], object)
    if any(m >> pipe.unit.multiplier_bits for m in multiplier):
        return None
    found = multiplier.astype(np.int64)
    low, high = np.full(size.size, -128), np.full(size.size, 127)
    code = between(rng, 0, 100, size.size) * (1 - 2 * (np.arange(size.size) // 2 % 2))
    goal = code + np.sign(accumulator) * (np.int64(1) << bits)
    zero_point = goal - pipe.rounded(accumulator, found, shift)
    if (np.abs(zero_point) >= 1 << 30).any():
        return None
    return {"multiplier": found, "shift": shift, "zero_point": zero_point, "low": low, "high": high}


def fitting_shift(
    pipe: Pipeline, rng: np.random.Generator, accumulator: Integers, multiplier: Integers, result_bits: int = 7
) -> Integers:
    """Shifts that leave about `result_bits` of each product, so that its upper bits are seen in the code."""
    product = np.abs(accumulator * multiplier)
    width = np.array([int(p).bit_length() for p in product], np.int64)
    least = 0 if pipe.unit.shift_min <= 1 else pipe.unit.shift_min
    values: Integers = np.clip(width - result_bits + rng.integers(0, 3, product.size), least, pipe.unit.shift_max)
    return values


def rounding_operands(pipe: Pipeline, rng: np.random.Generator, shift: int) -> Iterator[Operands]:
    """Products of both signs whose dropped bits are a tie, its neighbours, nothing, and anything."""
    left, right = pipe.bits - 1, pipe.unit.multiplier_bits
    if shift:
        odd = 2 * between(rng, 0, 130, 6) + 1
        odd[:2] = 1  # what large shifts have room for
        for sign in (1, -1):
            yield tie(rng, shift, sign * odd, left, right)
    if shift > 1:
        half = 1 << (shift - 1)
        for rest in (half - 1, half + 1):
            yield factors(rng, shift, rest, 200, left, right, 6)
    whole = between(rng, -250, 250, 4)
    yield tie(rng, shift + 1, np.where(whole == 0, 1, whole), left, right)
    yield any_operands(pipe, rng, shift, 5)


def small_results(pipe: Pipeline, rng: np.random.Generator) -> Iterator[tuple[Integers, Integers, Integers]]:
    """For each rounding case and sign as many operands and shifts as there are edges, results within -20..20."""
    found = [
        (a, m, np.full(a.size, shift, np.int64))
        for shift in range(2, min(40, pipe.unit.shift_max))
        for a, m in rounding_operands(pipe, rng, shift)
    ]
    a, m, shift = (np.concatenate([part[i] for part in found]) for i in range(3))
    small = (np.abs(pipe.rounded(a, m, shift)) <= 20) & pipe.makes(a)
    for case in CASES:
        for sign in SIGNS:
            chosen = np.flatnonzero(small & rounding_case(a * m, shift, case) & has_sign(a * m, sign))
            if chosen.size:
                chosen = np.resize(chosen, len(EDGES))
                yield a[chosen], m[chosen], shift[chosen]


def any_operands(pipe: Pipeline, rng: np.random.Generator, shift: int, size: int, reach: int = 200) -> Operands:
    """Multipliers as large as they may be and accumulators that bring the result among the codes."""
    right = pipe.unit.multiplier_bits
    widths = np.minimum(
        between(rng, 1, right, size) if shift < right else between(rng, right - 1, right, size), shift + 7
    )
    m = between(rng, np.int64(1) << (widths - 1), (np.int64(1) << widths) - 1, size)
    target = between(rng, -reach, reach, size).astype(object) * (1 << shift)
    a = np.array([int(t) // int(x) for t, x in zip(target, m, strict=True)], object)
    a = np.array([min(max(int(x), -(1 << pipe.bits - 1)), (1 << pipe.bits - 1) - 1) for x in a], np.int64)
    return a, m


def neighbours(pipe: Pipeline, rng: np.random.Generator, shift: int, fixed: str, count: int) -> Operands:
    """Pairs of neighbouring operands with a tie between their products, the other operand as large as may be."""
    low, high = code_range(pipe.bits, signed=True)
    top = (1 << pipe.unit.multiplier_bits) - 1
    half = (1 << shift) >> 1
    a: list[int] = []
    m: list[int] = []
    for _ in range(8 * count):
        if len(a) >= 2 * count:
            break
        target = int(rng.integers(-120, 120)) * (1 << shift) + half
        if fixed == "multiplier":
            factor = int(rng.integers(top >> 1, top)) >> max(0, 24 - shift)
            first = target // max(factor, 1)
            if factor and low <= first < high:
                a += [first, first + 1]
                m += [factor, factor]
        else:
            size = min(pipe.bits - 1, max(shift + 7 - pipe.unit.multiplier_bits, 1) + int(rng.integers(0, 8)))
            factor = int(rng.integers(1 << size >> 1, 1 << size)) | 1
            factor = -factor if target < 0 else factor
            first = target // factor
            if low <= factor <= high and 0 <= first < top:
                a += [factor, factor]
                m += [first, first + 1]
    return np.array(a, np.int64), np.array(m, np.int64)
