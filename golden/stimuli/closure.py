"""The loop that closes coverage: directed sets first, those of other seeds next, then mutants of near vectors.

Results come from whoever calls (`run`): this room makes stimuli and judges no arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bittrue.golden.stimuli import stimuli_of
from bittrue.golden.stimuli.draw import between, generator
from bittrue.spec.coverage import Bin, Coverage, Run, coverage_of
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BittrueError
from bittrue.spec.vectors import Integers, Stimuli

SEEDS = 3
"""Directed sets of so many further seeds are tried before vectors are mutated."""
PARENTS, CHILDREN = 48, 40
"""Vectors that are mutated in a round for each set, and mutants of each."""


@dataclass(frozen=True)
class Closure:
    """What the loop ended with."""

    sets: tuple[Stimuli, ...]
    """Those it started from, then what closed further bins."""
    reached: dict[str, int]
    """By bin: how many vectors reach it."""
    left_open: dict[str, str]
    """By reachable bin that no vector reaches: what was tried."""
    tried: int
    """Vectors that were run."""


def close(
    datapath: Datapath, unit: str, run: Run, *, start: Sequence[Stimuli] | None = None, seed: int = 0, rounds: int = 6
) -> Closure:
    """Stimuli that reach every reachable bin of a unit, as far as search finds them.

    start: sets to begin with; None: the directed ones. Equal arguments give equal sets.
    """
    coverage = coverage_of(datapath, unit)
    loop = _Loop(coverage, run)
    for found in stimuli_of(datapath, unit, "directed", seed) if start is None else start:
        loop.keep(found)
    for other in range(1, SEEDS + 1):
        if loop.open:
            for found in stimuli_of(datapath, unit, "directed", seed + other):
                loop.keep_what_helps(found, f"seed_{seed + other}.{found.name}")
    rng = generator(seed, "closure", unit)
    for number in range(rounds):
        for found, near in list(loop.parents()):
            if loop.open:
                mutated = mutants(found, near, rng)
                loop.keep_what_helps(mutated, f"closed_{number}.{found.name}")
    missing = f"not reached by {loop.tried} vectors: directed sets of {SEEDS + 1} seeds and {rounds} rounds of mutants"
    return Closure(tuple(loop.sets), loop.reached, {bin_.name: missing for bin_ in loop.open}, loop.tried)


class _Loop:
    """Sets that are kept and the bins that they reach."""

    def __init__(self, coverage: Coverage, run: Run) -> None:
        self.coverage, self.run = coverage, run
        self.sets: list[Stimuli] = []
        self.hits: list[dict[str, np.ndarray]] = []
        self.reached = {bin_.name: 0 for bin_ in coverage.bins}
        self.tried = 0

    @property
    def open(self) -> list[Bin]:
        """Reachable bins that no vector reaches yet."""
        return [bin_ for bin_ in self.coverage.bins if bin_.reachable and not self.reached[bin_.name]]

    def keep(self, found: Stimuli) -> None:
        """Run a set and keep all of it."""
        self.tried += found.vectors
        hits = self.coverage.hits(found, self.run(found))
        self.sets.append(found)
        self.hits.append(hits)
        for name, mask in hits.items():
            self.reached[name] += int(np.count_nonzero(mask))

    def keep_what_helps(self, found: Stimuli, name: str) -> None:
        """Run a set and keep, as a set of its own, the vectors that reach open bins, with those in front of them.

        A bin may be about two vectors in a row. A set that the unit refuses is not kept.
        """
        self.tried += found.vectors
        try:
            hits = self.coverage.hits(found, self.run(found))
        except BittrueError:
            return
        chosen: set[int] = set()
        for bin_ in self.open:
            where = np.flatnonzero(hits[bin_.name])[:1]
            chosen.update(int(i) for i in where)
            chosen.update(int(i) - 1 for i in where if i)
        if chosen:
            kept = found.take(np.array(sorted(chosen), np.int64))
            self.keep(Stimuli(kept.unit, name, "directed", kept.driven, kept.constants))

    def parents(self) -> Iterator[tuple[Stimuli, Integers]]:
        """Of each set the vectors that share most of an open bin's name with it."""
        for found, hits in zip(self.sets, self.hits, strict=True):
            score = np.zeros(found.vectors, np.int64)
            for bin_ in self.open:
                for other, mask in hits.items():
                    score[mask] = np.maximum(score[mask], likeness(bin_.name, other))
            yield found, np.argsort(-score, kind="stable")[:PARENTS]


def likeness(name: str, other: str) -> int:
    """How many parts two names of bins share, if they are of one group."""
    group, _, members = name.partition("/")
    other_group, _, other_members = other.partition("/")
    if group != other_group:
        return 0
    return 1 + sum(a == b for a, b in zip(members.split("."), other_members.split("."), strict=False))


def mutants(found: Stimuli, parents: Integers, rng: np.random.Generator) -> Stimuli:
    """CHILDREN vectors of each parent: some words a little off, a bit flipped, at an end, or from another vector.

    Words stay within what the set's own words span.
    """
    chosen = np.repeat(parents, CHILDREN)
    driven = {}
    for name, array in found.driven.items():
        low, high = int(array.min()), int(array.max())
        words = array[chosen].copy()
        shape = words.shape
        how = rng.integers(0, 10, shape)
        step = rng.choice([-2, -1, 1, 2], shape)
        bit = np.int64(1) << rng.integers(0, max(abs(low), abs(high), 1).bit_length(), shape)
        other = array[rng.integers(0, found.vectors, len(chosen))]
        kinds = [how == kind for kind in range(5)]
        made = np.select(
            kinds,
            [words + step, words ^ bit, np.where(step < 0, low, high), other, between(rng, low, high, shape)],
            words,
        )
        driven[name] = np.clip(made, low, high)
    return Stimuli(found.unit, found.name, found.kind, driven, found.constants)
