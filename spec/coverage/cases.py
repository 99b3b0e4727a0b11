"""Bins that many units share: rounding cases, saturation edges, their cross, corner values and toggled bits.

All of it is exact integer arithmetic on int64: every intermediate of every unit lies strictly inside 63 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from bittrue.spec.coverage.bins import Bin, Mask, Point, Seen
from bittrue.spec.vectors import Integers

Values = Callable[[Seen], Integers]

CASES: Mapping[str, str] = {
    "exact": "nothing is shifted out",
    "tie": "half a unit exactly",
    "below": "one LSB below a tie",
    "above": "one LSB above a tie",
    "other": "none of these",
}
"""What the bits that a rounding shift drops can be. A shift of one bit knows only exact and tie."""

SIGNS: Mapping[str, str] = {"negative": "below 0", "positive": "above 0"}

EDGES: Mapping[str, str] = {
    "under": "more than one below the lowest code",
    "low-1": "one below the lowest code",
    "low": "the lowest code",
    "low+1": "one above the lowest code",
    "inside": "well between the limits",
    "high-1": "one below the highest code",
    "high": "the highest code",
    "high+1": "one above the highest code",
    "over": "more than one above the highest code",
}
"""Where a value lies before it is clamped."""


def rounding_case(value: Integers, shift: Integers | np.int64, case: str) -> Mask:
    """Where `value` >> `shift` drops such bits; shift 0..62."""
    rest = value & ((np.int64(1) << shift) - 1)
    half = (np.int64(1) << shift) >> 1
    found = {
        "exact": rest == 0,
        "tie": (rest == half) & (shift > 0),
        "below": (rest == half - 1) & (shift > 1),
        "above": (rest == half + 1) & (shift > 1),
    }
    mask: Mask = found[case] if case in found else ~np.logical_or.reduce(list(found.values()))
    return mask


def has_sign(value: Integers, sign: str) -> Mask:
    """Where a value is negative or positive."""
    mask: Mask = value < 0 if sign == "negative" else value > 0
    return mask


def at_edge(placed: Integers, low: Integers, high: Integers, edge: str) -> Mask:
    """Where a value stands to the limits that clamp it. Limits less than four apart share edges."""
    steps = {"-1": -1, "": 0, "+1": 1}
    mask: Mask
    if edge.startswith("low"):
        mask = placed == low + steps[edge.removeprefix("low")]
    elif edge.startswith("high"):
        mask = placed == high + steps[edge.removeprefix("high")]
    elif edge == "inside":
        mask = (placed > low + 1) & (placed < high - 1)
    else:
        mask = placed < low - 1 if edge == "under" else placed > high + 1
    return mask


def rounding_cross(value: Values, shift: Values, placed: Values) -> tuple[Point, ...]:
    """Rounding case x sign of the value before it x where the result stands to the limits.

    All of them can be reached by a unit whose zero point (or bias) is free: it moves any rounded value to any edge.
    """

    def point(case: str, sign: str, edge: str) -> Point:
        def reached(seen: Seen) -> Mask:
            v, low, high = value(seen), seen.each("low"), seen.each("high")
            return rounding_case(v, shift(seen), case) & has_sign(v, sign) & at_edge(placed(seen), low, high, edge)

        meaning = f"{CASES[case]}, a value {SIGNS[sign]}, the result {EDGES[edge]}"
        return Point(Bin(f"rounding/{case}.{sign}.{edge}", meaning), reached)

    return tuple(point(case, sign, edge) for case in CASES for sign in SIGNS for edge in EDGES)


def value_bins(name: str, what: str, values: Mapping[str, int], read: Values | None = None) -> tuple[Point, ...]:
    """One bin for each value that an operand should take; `values` by label."""
    read = read or (lambda seen: seen.each(name))

    def point(label: str, wanted: int) -> Point:
        return Point(Bin(f"{name}/{label}", f"{what} is {wanted}"), lambda seen: read(seen) == wanted)

    return tuple(point(label, wanted) for label, wanted in values.items())


def toggle_bins(
    name: str,
    read: Values,
    bits: Iterable[int],
    where: Callable[[Seen], Mask] | None = None,
    fixed: Mapping[tuple[int, int], str] | None = None,
) -> tuple[Point, ...]:
    """Each bit of a register as 0 and as 1.

    where: only where it can be seen behind. fixed: by (bit, level) why a bit never has a level.
    """

    def point(bit: int, level: int) -> Point:
        def reached(seen: Seen) -> Mask:
            hit = ((read(seen) >> bit) & 1) == level
            mask: Mask = hit & where(seen) if where else hit
            return mask

        shown = " while the result is not saturated" if where else ""
        why = (fixed or {}).get((bit, level), "")
        return Point(Bin(f"{name}.bits/{bit}={level}", f"bit {bit} of {name} is {level}{shown}", why), reached)

    return tuple(point(bit, level) for bit in bits for level in (0, 1))


def unsaturated(placed: Values) -> Callable[[Seen], Mask]:
    """Where the clamp changes nothing."""
    return lambda seen: (placed(seen) >= seen.each("low")) & (placed(seen) <= seen.each("high"))


def powers_of_two(bits: int) -> dict[str, int]:
    """0, every power of two below 2**bits, and the largest value."""
    return {"0": 0, **{f"2^{k}": 1 << k for k in range(bits)}, "max": (1 << bits) - 1}
