"""What a design made of one set of vectors, beside what the contract says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.units.section import Width
from bittrue.spec.vectors import UnitVectors

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Made:
    """One stage of a design."""

    values: Integers
    """In the stage's shape; 0 where unknown."""
    known: Flags
    """False for a word with x or z digits, one that is too wide, and a missing one."""


@dataclass(frozen=True)
class Observed:
    """One set: expected and made."""

    vectors: UnitVectors
    made: Mapping[str, Made]
    """By stage; those that the design did not dump are missing."""
    widths: Mapping[str, Width]
    """By stage: the register's bits and signedness."""

    @property
    def stages(self) -> tuple[str, ...]:
        """Those that the design dumped, in the order in which they arise."""
        return tuple(stage for stage in self.vectors.results if stage in self.made)

    def wrong(self, stage: str) -> Flags:
        """Which words of a stage differ."""
        made = self.made[stage]
        return np.asarray(~made.known | (made.values != self.vectors.results[stage]), np.bool_)

    def wrong_vectors(self, stage: str) -> Flags:
        """Which vectors differ somewhere in a stage, [vectors]."""
        return np.asarray(self.wrong(stage).reshape(self.vectors.stimuli.vectors, -1).any(axis=1), np.bool_)

    @property
    def first_divergent(self) -> str | None:
        """The first stage that differs; None where all are equal."""
        return next((stage for stage in self.stages if self.wrong(stage).any()), None)
