"""What a comparison of cost models found: one point for each layer, machine and quantity."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class CostPoint:
    """Ours beside theirs."""

    peer: str
    """scale-sim, scale-sim tool, vela, zigzag or rtl."""
    machine: str
    group: str
    """Points that are summed up in one line: a dataflow, a kind of op."""
    layer: str
    quantity: str
    """cycles or energy_pj."""
    theirs: float
    ours: float
    their_parts: str = ""
    """Which part of the peer's estimate was the longest, in the peer's words."""
    our_parts: str = ""
    drawn: bool = False
    """A shape drawn at random, of none of the networks."""

    @property
    def ratio(self) -> float:
        """Ours over theirs."""
        return self.ours / self.theirs


@dataclass(frozen=True)
class LeftOut:
    """A layer that a peer does not cost, and why."""

    peer: str
    machine: str
    layer: str
    why: str


@dataclass(frozen=True)
class CostComparison:
    """All points of one run."""

    points: tuple[CostPoint, ...]
    left_out: tuple[LeftOut, ...] = ()

    def of(self, peer: str) -> tuple[CostPoint, ...]:
        """The points of one peer."""
        return tuple(point for point in self.points if point.peer == peer)


def geometric_error(ratios: Iterable[float]) -> float:
    """Geometric mean of how many times the larger of two figures is the smaller one; 1 where all agree."""
    logs = [abs(math.log(ratio)) for ratio in ratios]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan
