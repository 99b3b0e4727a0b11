"""The diagnosis of one set: first divergent stage, single mismatches, counts, hints, and rules that explain them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bittrue.golden.diagnosis.explain import Explanation, explain
from bittrue.golden.diagnosis.mismatches import MismatchDetail, Place, counts, detail, only_bins
from bittrue.golden.diagnosis.observed import Observed
from bittrue.golden.diagnosis.patterns import hints
from bittrue.golden.diagnosis.rule import Run
from bittrue.golden.diagnosis.rules import RULES
from bittrue.spec.datapath import Datapath


@dataclass(frozen=True)
class Diagnosis:
    """Why a design's answer to one set of vectors differs."""

    package: str
    """Payload digest of the package."""
    set_name: str
    unit: str
    stage: str
    """The first that differs, in the order in which values arise."""
    equal_stages: tuple[str, ...]
    """Dumped stages in front of it: all their words are equal."""
    not_dumped: tuple[str, ...]
    differing: dict[str, int]
    """Mismatching words by stage, the first divergent and what follows."""
    words: dict[str, int]
    """Words by dumped stage."""
    first: tuple[MismatchDetail, ...]
    """The first mismatches of the first divergent stage."""
    by: dict[str, dict[str, int]]
    hints: tuple[str, ...]
    only_bins: tuple[str, ...]
    explanations: tuple[Explanation, ...] = field(default=())

    @property
    def explained(self) -> bool:
        """Whether some rule makes every mismatch vanish."""
        return any(explanation.complete for explanation in self.explanations)


def diagnose(
    observed: Observed,
    *,
    datapath: Datapath,
    run: Run,
    package: str,
    set_name: str,
    place: Place = lambda stage, index: "",
    most: int = 8,
    rules: bool = True,
) -> Diagnosis | None:
    """Diagnose one set; None where every dumped word is equal.

    run: a statement of the contract, under other rules. place: names beat and lane of a word. most: single
    mismatches to report. rules: whether other rules are tried.
    """
    stage = observed.first_divergent
    if stage is None:
        return None
    dumped = observed.stages
    position = dumped.index(stage)
    wrong = np.flatnonzero(observed.wrong(stage))[:most]
    make_rules = RULES.get(observed.vectors.stimuli.unit) if rules else None
    tried = make_rules(datapath, observed.vectors.stimuli) if make_rules else []
    return Diagnosis(
        package=package,
        set_name=set_name,
        unit=observed.vectors.stimuli.unit,
        stage=stage,
        equal_stages=dumped[:position],
        not_dumped=tuple(name for name in observed.vectors.results if name not in dumped),
        differing={name: count for name in dumped if (count := int(observed.wrong(name).sum()))},
        words={name: int(observed.wrong(name).size) for name in dumped},
        first=tuple(detail(observed, datapath, stage, int(index), place) for index in wrong),
        by=counts(observed, stage),
        hints=hints(observed, stage),
        only_bins=only_bins(observed, stage),
        explanations=explain(run, datapath, observed, tried),
    )


def of_all_parts(parts: Sequence[Diagnosis]) -> tuple[Explanation, ...]:
    """What explains the parts of a step together: rules that explain each of them; where there is none, those that
    come near in some, with the words of all."""
    named = {each.rule: each for part in parts for each in part.explanations}
    found = tuple(_over(parts, each) for each in named.values())
    return tuple(each for each in found if each.complete) or found


def _over(parts: Sequence[Diagnosis], named: Explanation) -> Explanation:
    """One rule over all parts; a part where it came to nothing adds its words and mismatches alone."""
    words = of_words = gone = mismatches = 0
    for part in parts:
        one = next((each for each in part.explanations if each.rule == named.rule), None)
        words += one.words if one else 0
        of_words += one.of_words if one else sum(part.words.values())
        gone += one.mismatches if one else 0
        mismatches += one.of_mismatches if one else sum(part.differing.values())
    return Explanation(named.rule, named.says, words, of_words, gone, mismatches)
