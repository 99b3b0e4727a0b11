"""From what was measured to the lines of the table: value, spread, goal met or not, or why nothing was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.contestants import Contestant
from benchmarks.rounds import Rounds
from benchmarks.rows import Row
from benchmarks.spread import Spread, ratios

_MS = 1000.0
_GB = 1e9


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    key: str
    what: str
    goal: str
    """Empty: reported."""
    measure: str
    """ratio, seconds or gigabytes."""
    value: Spread | None
    """None where it was not measured."""
    of_ms: float | None = None
    """Time an image, median over rounds, of the fastest contestant in front of the stroke."""
    to_ms: float | None = None
    """The same behind the stroke."""
    of: str = ""
    """That contestant."""
    to: str = ""
    best_of: int = 1
    """How many contestants `of` was chosen from."""
    met: bool | None = None
    """None without a goal or a value."""
    missing: str = ""
    """Why there is no value."""


def judged(row: Row, found: Rounds) -> Result:
    """The row's line, or why it was not measured."""
    goal = "" if row.goal is None else str(row.goal)
    of, to = (_running(side, found) for side in (row.of, row.to))
    if not of or (row.to and not to):
        return Result(row.key, row.what, goal, row.measure, None, missing=_reason(row, found))
    if row.same_answer and (differing := _differing((*of, *to), found)):
        return Result(row.key, row.what, goal, row.measure, None, missing=differing)
    values = _values(row, of, to, found)
    spread = Spread.of(values)
    best, other = _fastest(of, found), _fastest(to, found) if to else None
    return Result(
        row.key,
        row.what,
        goal,
        row.measure,
        spread,
        of_ms=_image_ms(best, found),
        to_ms=None if other is None else _image_ms(other, found),
        of=best.name,
        to="" if other is None else other.name,
        best_of=len(row.of),
        met=None if row.goal is None else row.goal.met(spread.median),
    )


def image_seconds(contestant: Contestant, found: Rounds) -> list[float]:
    """Seconds an image in each round."""
    return [taken.median_seconds / contestant.batch for taken in found.measured[contestant.name]]


def _values(row: Row, of: Sequence[Contestant], to: Sequence[Contestant], found: Rounds) -> list[float]:
    if row.measure == "ratio":
        return ratios([image_seconds(each, found) for each in of], [image_seconds(each, found) for each in to])
    (only,) = of
    if row.measure == "gigabytes":
        return [taken.peak_bytes / _GB for taken in found.measured[only.name]]
    return [taken.median_seconds for taken in found.measured[only.name]]


def _running(side: Sequence[Contestant], found: Rounds) -> tuple[Contestant, ...]:
    return tuple(each for each in side if each.name in found.measured)


def _reason(row: Row, found: Rounds) -> str:
    reasons = [found.failed[each.name] for each in (*row.to, *row.of) if each.name in found.failed]
    return reasons[0] if reasons else "no round was run"


def _differing(every: Sequence[Contestant], found: Rounds) -> str:
    """Says so where contestants, or rounds of one, gave different integers; empty where all are equal."""
    answers = {taken.answer for each in every for taken in found.measured[each.name]}
    return "" if len(answers) == 1 else f"the integers differ between {' and '.join(each.name for each in every)}"


def _fastest(side: Sequence[Contestant], found: Rounds) -> Contestant:
    return min(side, key=lambda each: _image_ms(each, found))


def _image_ms(contestant: Contestant, found: Rounds) -> float:
    return Spread.of(image_seconds(contestant, found)).median * _MS
