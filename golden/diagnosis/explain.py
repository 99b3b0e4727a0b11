"""Which other rule would explain every mismatch: rules are tried on the vectors that the design was given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bittrue.golden.diagnosis.observed import Flags, Observed
from bittrue.golden.diagnosis.rule import Results, Rule, Run
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BittrueError

SAMPLE = 256
"""Vectors of either sort, wrong and right, on which a rule is tried before it is tried on all."""


@dataclass(frozen=True)
class Explanation:
    """A rule under which the unit makes what the design made."""

    rule: str
    says: str
    words: int
    """That the design dumped and this rule reproduces."""
    of_words: int
    mismatches: int
    """That it makes vanish."""
    of_mismatches: int

    @property
    def complete(self) -> bool:
        """Whether every word that the design dumped comes out, right ones and wrong ones."""
        return self.words == self.of_words


def explain(run: Run, datapath: Datapath, observed: Observed, rules: Sequence[Rule]) -> tuple[Explanation, ...]:
    """The rules under which all words come out; where there is none, up to three that bring back most mismatches.

    A rule that the unit refuses, or that changes nothing on these vectors, is passed over.
    """
    stimuli = observed.vectors.stimuli
    sample = _sample(observed)
    near: list[tuple[Explanation, Rule]] = []
    for rule in rules:
        tried = _try(rule, run, datapath, observed, sample)
        if tried is not None and tried.mismatches:
            near.append((tried, rule))
    everything = np.arange(stimuli.vectors)
    complete = [
        found
        for tried, rule in near
        if tried.complete and (found := _try(rule, run, datapath, observed, everything)) is not None and found.complete
    ]
    if complete:
        return tuple(complete)
    near = [pair for pair in near if 2 * pair[0].mismatches >= pair[0].of_mismatches]
    near.sort(key=lambda pair: (-pair[0].words, -pair[0].mismatches))
    whole = (_try(rule, run, datapath, observed, everything) for _, rule in near[:3])
    return tuple(found for found in whole if found is not None)


def _sample(observed: Observed) -> np.ndarray:
    """Indices of wrong vectors and of right ones, evenly spread, ascending."""
    wrong = np.zeros(observed.vectors.stimuli.vectors, np.bool_)
    for stage in observed.stages:
        wrong |= observed.wrong_vectors(stage)
    return np.sort(np.concatenate([_spread(np.flatnonzero(wrong)), _spread(np.flatnonzero(~wrong))]))


def _spread(indices: np.ndarray) -> np.ndarray:
    return indices if len(indices) <= SAMPLE else indices[np.linspace(0, len(indices) - 1, SAMPLE).astype(np.intp)]


def _try(rule: Rule, run: Run, datapath: Datapath, observed: Observed, chosen: np.ndarray) -> Explanation | None:
    """How much of what the design made a rule reproduces on the chosen vectors."""
    stimuli = observed.vectors.stimuli
    whole = len(chosen) == stimuli.vectors
    looks_back = rule.looks_back
    try:
        if whole or looks_back:
            found = rule.apply(run, datapath, stimuli)
        else:
            found = rule.apply(run, datapath, stimuli.take(chosen))
    except (BittrueError, ArithmeticError, ValueError, IndexError):
        return None
    if looks_back and not whole:
        found = {name: np.asarray(values)[chosen] for name, values in found.items() if values.ndim}
    return _score(rule, observed, found, chosen)


def _score(rule: Rule, observed: Observed, found: Results, chosen: np.ndarray) -> Explanation | None:
    words = of_words = gone = mismatches = 0
    for stage in _comparable(observed, found, len(chosen)):
        made = observed.made[stage]
        same: Flags = made.known[chosen] & (made.values[chosen] == found[stage])
        wrong = observed.wrong(stage)[chosen]
        words, of_words = words + int(same.sum()), of_words + same.size
        gone, mismatches = gone + int((same & wrong).sum()), mismatches + int(wrong.sum())
    if not of_words:
        return None
    return Explanation(rule.name, rule.says, words, of_words, gone, mismatches)


def _comparable(observed: Observed, found: Results, vectors: int) -> Iterable[str]:
    """Stages that both have, in the same shape."""
    for stage in observed.stages:
        if stage in found and found[stage].shape == (vectors, *observed.made[stage].values.shape[1:]):
            yield stage
