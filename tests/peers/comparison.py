"""One line of the table of profiles: a unit of a datapath against an independent implementation, and its count."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from peers.layers import Array

Trial = Callable[[Generator], tuple[Array, Array]]
"""Draws a case; returns what bittrue says and what the peer says."""


@dataclass(frozen=True)
class Count:
    """Elements that were compared, how many differ, and by how much at most."""

    elements: int = 0
    mismatches: int = 0
    largest: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.elements + other.elements,
            self.mismatches + other.mismatches,
            max(self.largest, other.largest),
        )


@dataclass(frozen=True)
class Comparison:
    """Cases are drawn from the name alone: the same in every run."""

    profile: str
    op: str
    peer: str
    trial: Trial
    trials: int
    """For the table; the tests run fewer."""
    cause: str = ""
    """Why elements differ, where they do: tests/peers/test_explained.py holds it."""

    @property
    def name(self) -> str:
        """For a test's id."""
        return f"{self.profile}-{self.op}"

    def rng(self) -> Generator:
        """Seeded by the line's names."""
        return np.random.default_rng(zlib.crc32(f"{self.name}-{self.peer}".encode()))

    def count(self, trials: int | None = None) -> Count:
        """Run the trials."""
        rng = self.rng()
        total = Count()
        for _ in range(trials or self.trials):
            total += compared(*self.trial(rng))
        return total


def compared(ours: Array, theirs: Array) -> Count:
    """Element by element; the shapes must be equal."""
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    distance = np.abs(ours.astype(np.int64) - theirs.astype(np.int64))
    return Count(distance.size, int((distance > 0).sum()), int(distance.max(initial=0)))
