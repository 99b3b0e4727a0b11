"""What a bin of functional coverage is, and how it is seen in vectors.

For whoever declares the bins of a unit (the files beside this one) and whoever counts them. A bin is decided from
what a unit read and made: never from how a vector was produced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.units.section import Port
from bittrue.spec.vectors import Integers, Stimuli

Mask = NDArray[np.bool_]
Found = Mask | np.bool_
"""[vectors] or [vectors, ...], or one for the whole set."""
Results = Mapping[str, Integers]
Run = Callable[[Stimuli], Results]
"""What answers stimuli: every stage by name, "output" last, axis 0 counts the vectors."""


@dataclass(frozen=True)
class Bin:
    """One situation that a set of vectors should bring about."""

    name: str
    """GROUP/MEMBER, and for a cross GROUP/A.B.C."""
    meaning: str
    why_not: str = ""
    """The proof that no vector of this datapath reaches it; empty where one can."""

    @property
    def reachable(self) -> bool:
        """Whether some vector reaches the bin."""
        return not self.why_not

    @property
    def group(self) -> str:
        """What stands in front of the slash."""
        return self.name.partition("/")[0]


@dataclass(frozen=True)
class Seen:
    """Stimuli and their results, as the bins of a unit look at them."""

    ports: tuple[Port, ...]
    stimuli: Stimuli
    results: Results
    _kept: dict[object, NDArray[np.int64]] = field(default_factory=dict)

    @cached_property
    def arrays(self) -> dict[str, Integers]:
        """Everything that the unit read, defaults filled in; a port that is optional and absent is not there."""
        defaults = {port.name: np.array(port.default, np.int64) for port in self.ports if port.default is not None}
        return defaults | {name: np.asarray(array, np.int64) for name, array in self.stimuli.arrays.items()}

    def each(self, name: str) -> Integers:
        """A port or stage spread over the shape of the output, [vectors, ...]."""
        array = self.results[name] if name in self.results else self.arrays[name]
        return np.broadcast_to(array, self.results["output"].shape)

    def row(self, name: str) -> Integers:
        """A port or stage that has one value a vector, [vectors]."""
        array = self.results[name] if name in self.results else self.arrays[name]
        array = array.reshape(array.shape[0], -1)[:, 0] if array.ndim > 1 else array
        return np.broadcast_to(array, (self.stimuli.vectors,))

    def one(self, name: str) -> int:
        """A port that has one value for the whole set."""
        return int(np.asarray(self.arrays[name]).reshape(-1)[0])

    def once(self, key: object, make: Callable[[], NDArray[np.int64]]) -> NDArray[np.int64]:
        """What several bins derive from the arrays, made once."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]


@dataclass(frozen=True)
class Point:
    """A bin and how it is seen."""

    bin: Bin
    reached: Callable[[Seen], Found]
    """[vectors] or [vectors, ...]: a vector counts where any of its elements does."""


@dataclass(frozen=True)
class Coverage:
    """The bins of one unit of one datapath."""

    unit: str
    ports: tuple[Port, ...]
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        """A name stands for one bin."""
        names = [point.bin.name for point in self.points]
        assert len(names) == len(set(names)), sorted({name for name in names if names.count(name) > 1})

    @property
    def bins(self) -> tuple[Bin, ...]:
        """Every bin, in the order of its declaration."""
        return tuple(point.bin for point in self.points)

    def hits(self, stimuli: Stimuli, results: Results) -> dict[str, Mask]:
        """By bin: [vectors], whether the vector reaches it.

        results: every stage of the unit and "output", axis 0 counts the vectors.
        """
        seen = Seen(self.ports, stimuli, results)
        return {point.bin.name: _by_vector(point.reached(seen), stimuli.vectors) for point in self.points}


def _by_vector(found: Found, vectors: int) -> Mask:
    mask: Mask = np.asarray(found, np.bool_)
    if mask.ndim == 0:
        return np.full(vectors, bool(mask))
    return np.asarray(mask.reshape(vectors, -1).any(axis=1), np.bool_)


def points(*groups: Sequence[Point]) -> tuple[Point, ...]:
    """Groups of points, one after the other."""
    return tuple(point for group in groups for point in group)
