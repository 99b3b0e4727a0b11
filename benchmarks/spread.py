"""Statistics of ratios: median and quartiles over rounds, and goals."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of a quantity that was measured in several rounds."""

    median: float
    low: float
    """First quartile, linear between neighbours."""
    high: float
    """Third quartile."""
    rounds: int

    @staticmethod
    def of(values: Sequence[float]) -> Spread:
        """The spread of at least one value."""
        assert values, "a quantity without a measurement has no spread"
        if len(values) == 1:
            return Spread(values[0], values[0], values[0], 1)
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return Spread(median, low, high, len(values))


def ratios(numerators: Sequence[Sequence[float]], denominators: Sequence[Sequence[float]]) -> list[float]:
    """Ratios round by round, each side taken at its best (smallest) contestant of that round.

    numerators, denominators: one sequence per contestant, of one value per round; all equally long.
    """
    rounds = zip(zip(*numerators, strict=True), zip(*denominators, strict=True), strict=True)
    return [min(above) / min(below) for above, below in rounds]


@dataclass(frozen=True)
class Goal:
    """A limit for a median."""

    sense: Literal["at most", "at least"]
    limit: float

    def met(self, value: float) -> bool:
        """Whether the value, unrounded, keeps the limit."""
        return value <= self.limit if self.sense == "at most" else value >= self.limit

    def __str__(self) -> str:
        return f"{'<=' if self.sense == 'at most' else '>='} {self.limit:g}"


def at_most(limit: float) -> Goal:
    """A goal for times and sizes."""
    return Goal("at most", limit)


def at_least(limit: float) -> Goal:
    """A goal for how many times faster."""
    return Goal("at least", limit)
