"""One cause for a whole package: the rules that explain what differs in set after set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bittrue.golden.diagnosis.diagnose import Diagnosis


@dataclass(frozen=True)
class Cause:
    """A rule, and how many of the sets and steps of its unit that differ it explains in every word."""

    unit: str
    rule: str
    says: str
    sets: int
    of_sets: int

    @property
    def whole(self) -> bool:
        """Whether it explains all of them."""
        return self.sets == self.of_sets


def causes(diagnoses: Iterable[Diagnosis]) -> tuple[Cause, ...]:
    """By unit in the order of the package: the rules that explain most of its sets, all such if several do."""
    by_unit: dict[str, list[Diagnosis]] = {}
    for found in diagnoses:
        by_unit.setdefault(found.unit, []).append(found)
    return tuple(cause for unit, sets in by_unit.items() for cause in _of_unit(unit, sets))


def _of_unit(unit: str, sets: Sequence[Diagnosis]) -> Iterable[Cause]:
    complete = [{one.rule: one.says for one in found.explanations if one.complete} for found in sets]
    says = {rule: text for rules in complete for rule, text in rules.items()}
    counted = Counter(rule for rules in complete for rule in rules)
    most = max(counted.values(), default=0)
    for rule, count in counted.items():
        if count == most:
            yield Cause(unit, rule, says[rule], count, len(sets))
