"""What a requantizer must say, from the definition of rounding and not from its formula.

The output is a monotone staircase over the accumulator. `thresholds` gives its steps: the smallest
accumulator at which the output reaches each code, on Python integers of any size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bittrue.spec.arithmetic import Rounding


@dataclass(frozen=True)
class Case:
    """One requantizer: clamp(round(accumulator * multiplier / 2**shift) + zero_point, low, high)."""

    multiplier: int
    shift: int
    rounding: Rounding
    zero_point: int
    low: int
    high: int
    second: Rounding | None = None
    """Where given, the first shift is FIRST_SHIFT with `rounding`, and this rule rounds the rest."""


FIRST_SHIFT = 31


def thresholds(case: Case) -> list[int]:
    """For each code low + 1 .. high the smallest accumulator whose output is at least that code.

    With x = accumulator * m / 2**s, the rounded value is at least t when x lies beyond the tie t - 1/2,
    or on it where the mode sends that tie up; for floor, when x is at least t; for truncation, when x is
    at least t, and for t <= 0 already when x is above t - 1.
    """
    return [_smallest_twice(case, code - case.zero_point) for code in range(case.low + 1, case.high + 1)]


def _smallest_twice(case: Case, target: int) -> int:
    """Two staircases, one behind the other: what the second must be given is what the first must reach."""
    if case.second is None:
        return _smallest(case, target)
    if case.shift <= FIRST_SHIFT:  # the accumulator is lifted, and there is nothing left to round
        lifted = replace(case, multiplier=case.multiplier << (FIRST_SHIFT - case.shift), shift=FIRST_SHIFT)
        return _smallest(lifted, target)
    rest = replace(case, multiplier=1, shift=case.shift - FIRST_SHIFT, rounding=case.second)
    return _smallest(replace(case, shift=FIRST_SHIFT), _smallest(rest, target))


def _smallest(case: Case, target: int) -> int:
    if case.rounding is Rounding.TOSA_DOUBLE:
        return _smallest_of_tosa(case, target)
    # Everything doubled, so that the tie is an integer: x >= edge / 2 in units of 2**-s.
    whole = {Rounding.FLOOR: 2 * target, Rounding.TOWARD_ZERO: 2 * target if target > 0 else 2 * target - 2}
    edge = whole.get(case.rounding, 2 * target - 1) << case.shift
    on_edge_counts = {
        Rounding.FLOOR: True,
        Rounding.TOWARD_ZERO: target > 0,
        Rounding.HALF_UP: True,
        Rounding.HALF_AWAY: target > 0,  # -0.5 goes to -1, which is below 0
        Rounding.HALF_EVEN: target % 2 == 0,
    }[case.rounding]
    step = 2 * case.multiplier
    quotient, remainder = divmod(edge, step)
    if remainder == 0:
        return quotient if on_edge_counts else quotient + 1
    return quotient + 1


def _smallest_of_tosa(case: Case, target: int) -> int:
    """Half up, with 2**30 moved away from zero first: one edge for negative products, one for the others."""
    early = 1 << 30 if case.shift > 31 else 0
    edge = (target << case.shift) - (1 << (case.shift - 1))
    negative = -((-(edge + early)) // case.multiplier)
    return negative if negative < 0 else max(0, -((-(edge - early)) // case.multiplier))
