"""Sets of vectors against mutants: which vector notices which fault first, by its output or by any stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bittrue.golden.mutants.evaluate import Trace, part, rerun, run
from bittrue.golden.mutants.operators import Mutant
from bittrue.golden.mutants.units import UnitWords, ports_of
from bittrue.golden.mutants.words import Graph, dirty
from bittrue.spec.vectors import Stimuli

WORDS = 1 << 14
"""Words of a wire that a mutant is run on at once."""
FIRST = 64
"""Vectors of the first portion: most mutants are noticed there."""


@dataclass(frozen=True)
class Kill:
    """Where a mutant is noticed: set, index of the vector, the first stage that differs there."""

    name: str
    vector: int
    stage: str


@dataclass(frozen=True)
class Outcome:
    """What sets of vectors make of one mutant; None: they do not notice it."""

    mutant: Mutant
    by_stage: Kill | None = None
    by_output: Kill | None = None


def outcomes(unit: UnitWords, mutants: Sequence[Mutant], sets: Sequence[Stimuli]) -> tuple[Outcome, ...]:
    """Every mutant against every set, in the mutants' order; a mutant is left alone once its output differs."""
    changed = [dirty(unit.graph, mutant.graph) for mutant in mutants]
    found = [Outcome(mutant) for mutant in mutants]
    for stimuli in sets:
        trace = run(unit.graph, ports_of(unit, stimuli))
        portions = _portions(unit.graph, trace, stimuli.vectors)
        for i, outcome in enumerate(found):
            if outcome.by_output is None:
                found[i] = _against(unit.graph, outcome, changed[i], trace, stimuli.name, portions)
    return tuple(found)


def _portions(graph: Graph, trace: Trace, vectors: int) -> list[tuple[int, int]]:
    wide = max(array.size // len(array) for name, array in trace.items() if array.ndim == 3 and len(array) == vectors)
    step = max(8, WORDS // wide)
    first = min(FIRST, step)
    starts = [0, *range(first, vectors, step), vectors]
    return [(start, stop) for start, stop in zip(starts[:-1], starts[1:], strict=True) if stop > start]


def _against(
    graph: Graph, outcome: Outcome, changed: frozenset[str], trace: Trace, name: str, portions: list[tuple[int, int]]
) -> Outcome:
    for start, stop in portions:
        faulty = rerun(outcome.mutant.graph, changed, trace, start, stop)
        for stage in graph.outputs:
            if stage not in changed or (outcome.by_stage is not None and stage != "output"):
                continue
            vector = first_difference(part(trace[stage], start, stop), faulty[stage])
            if vector is not None:
                kill = Kill(name, start + vector, stage)
                outcome = replace(outcome, by_stage=outcome.by_stage or kill)
                if stage == "output":
                    return replace(outcome, by_output=kill)
    return outcome


def first_difference(golden: np.ndarray, faulty: np.ndarray) -> int | None:
    """The first index of axis 0 at which two arrays differ."""
    differ = np.asarray(golden != faulty)
    vectors = np.flatnonzero(differ.reshape(len(differ), -1).any(axis=1))
    return int(vectors[0]) if vectors.size else None
