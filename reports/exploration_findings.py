"""The sentences that a study's rows say, with the numbers that they rest on; none before every point is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from bittrue.reports.exploration_data import KnobAxis, Label, PointRow, StudyData, shown

HIGHER_IS_BETTER = ("agreement", "sqnr_db", "top1", "utilisation")
SHARES = ("agreement", "top1", "utilisation")


class Finding(Protocol):
    """What is asked; exploration/sweep.py says what each field means."""

    @property
    def kind(self) -> Literal["narrowest", "cheapest", "budget"]: ...
    @property
    def figure(self) -> str | None: ...
    @property
    def within(self) -> float: ...
    @property
    def knob(self) -> str | None: ...
    @property
    def cost(self) -> str | None: ...
    @property
    def shares(self) -> tuple[float, ...]: ...
    @property
    def by(self) -> str | None: ...


@dataclass(frozen=True)
class _Group:
    """The rows of one value of `by`, and how a sentence about them begins."""

    opening: str
    rows: tuple[PointRow, ...]
    """Allowed ones."""
    others: tuple[PointRow, ...]


def findings(study: StudyData, asked: Sequence[Finding]) -> tuple[str, ...]:
    """One sentence for each finding and value of its `by`."""
    if not study.complete:
        return ()
    return tuple(
        sentence for finding in asked for group in _groups(study, finding) for sentence in _say(study, finding, group)
    )


def _say(study: StudyData, finding: Finding, group: _Group) -> Iterator[str]:
    if not group.rows:
        yield f"{group.opening}{_none(group)}"
    elif finding.kind == "narrowest":
        yield from _narrowest(study, finding, group)
    elif finding.kind == "cheapest":
        yield from _cheapest(study, finding, group)
    else:
        yield from _budgets(study, finding, group)


def _groups(study: StudyData, finding: Finding) -> Iterator[_Group]:
    rows = study.allowed()
    axis = study.axis(finding.by or "")
    if axis is None:
        yield _Group("", rows, tuple(row for row in study.rows if row not in rows))
        return
    for label in axis.labels:
        mine = [row for row in study.rows if row.knobs[axis.name] == label]
        yield _Group(
            f"{axis.short} {label}: ",
            tuple(row for row in rows if row in mine),
            tuple(row for row in mine if row not in rows),
        )


def _none(group: _Group) -> str:
    """Why a group has no design that counts: the reason that most of its points give."""
    reasons = Counter(row.reason for row in group.others if row.reason).most_common(1)
    if not reasons:
        return "no point keeps to the constraints."
    return f"none of {len(group.others)} designs is possible: {reasons[0][0]}."


def _narrowest(study: StudyData, finding: Finding, group: _Group) -> Iterator[str]:
    axis, figure = study.axis(finding.knob or ""), finding.figure or ""
    if axis is None:
        return
    best_of: dict[Label, float] = {}
    for row in group.rows:
        value = row.figures[figure]
        known = best_of.get(row.knobs[axis.name])
        best_of[row.knobs[axis.name]] = value if known is None else _better(figure, known, value)
    widest = sorted(best_of, key=float, reverse=True)
    # Against the widest, not the best: rounding noise lets a narrow one win by chance.
    full, enough = best_of[widest[0]], widest[0]
    for label in widest:
        if _loss(figure, full, best_of[label]) > finding.within:
            break
        enough = label
    below = [label for label in widest if float(label) < float(enough)]
    next_one = f"; {shown(below[0])} gives {_value(figure, best_of[below[0]])}" if below else ""
    yield (
        f"{group.opening}{axis.short} {shown(enough)} is the least that loses at most {_by(figure, finding.within)} of "
        f"{figure} against {shown(widest[0])} ({_value(figure, best_of[enough])} against {_value(figure, full)}"
        f"{_on(study)}){next_one}."
    )


def _loss(figure: str, reference: float, value: float) -> float:
    return reference - value if figure in HIGHER_IS_BETTER else value - reference


def _cheapest(study: StudyData, finding: Finding, group: _Group) -> Iterator[str]:
    cost, figure = finding.cost or "", finding.figure
    rows: Sequence[PointRow] = [row for row in group.rows if cost in row.figures]
    condition = ""
    if figure is not None:
        best = _best(figure, (row.figures[figure] for row in rows))
        rows = [row for row in rows if abs(row.figures[figure] - best) <= finding.within]
        condition = f" within {_by(figure, finding.within)} of the best {figure} ({_value(figure, best)}{_on(study)})"
    if not rows:
        yield f"{group.opening}no point has {cost}{condition}."
        return
    chosen = _best_row(cost, rows)
    hidden = {finding.by}
    design = _design(study.axes, chosen.knobs, hidden)
    has = "" if figure is None else f", {figure} {_value(figure, chosen.figures[figure])}"
    yield (
        f"{group.opening}of {len(rows)} designs{condition}, {design} has the best {cost}: "
        f"{_value(cost, chosen.figures[cost])}{has}{_against(study, finding, group, chosen)}."
    )


def _budgets(study: StudyData, finding: Finding, group: _Group) -> Iterator[str]:
    cost, figure = finding.cost or "", finding.figure or ""
    start = _start(study, finding, group)
    if start is None or not start.figures.get(cost):
        return
    for share in finding.shares:
        rows = [row for row in group.rows if row.figures[cost] <= share * start.figures[cost]]
        whole = _value(cost, start.figures[cost])
        opening = f"{group.opening}with {100 * share:g} % of the {cost} of the base design ({whole})"
        if not rows:
            yield f"{opening} there is no point."
            continue
        chosen = _best_row(figure, rows)
        yield (
            f"{opening} the best {figure} is {_value(figure, chosen.figures[figure])}{_on(study)} against "
            f"{_value(figure, start.figures[figure])}: {differences(study, chosen, {finding.by})}."
        )


def differences(study: StudyData, row: PointRow, hidden: set[str | None] | None = None) -> str:
    """A design by what sets it apart from the base."""
    changed = [axis for axis in study.axes if row.knobs[axis.name] != study.base[axis.name]]
    words = _design(changed, row.knobs, hidden or set())
    return words or "the base design"


def _start(study: StudyData, finding: Finding, group: _Group) -> PointRow | None:
    """The design that the study starts from, with the group's value of `by`."""
    base = {name: label for name, label in study.base.items() if name != finding.by}
    return next((row for row in group.rows if all(row.knobs[name] == label for name, label in base.items())), None)


def _best_row(figure: str, rows: Sequence[PointRow]) -> PointRow:
    sign = -1 if figure in HIGHER_IS_BETTER else 1
    return min(rows, key=lambda row: sign * row.figures[figure])


def _against(study: StudyData, finding: Finding, group: _Group, chosen: PointRow) -> str:
    """How far the chosen point is from the design that the study starts from."""
    cost = finding.cost or ""
    start = _start(study, finding, group)
    if start is chosen:
        return "; it is the one that the study starts from"
    if start is None or not start.figures.get(cost):
        return ""
    change = _change(cost, start.figures[cost], chosen.figures[cost])
    figure = (
        ""
        if finding.figure is None
        else f" and {finding.figure} {_value(finding.figure, start.figures[finding.figure])}"
    )
    has = _value(cost, start.figures[cost])
    return f"; the design that the study starts from has {has} ({change} from there){figure}"


def _change(figure: str, before: float, after: float) -> str:
    """A share or a ratio in dB changes by a difference, anything else by a factor."""
    if figure in SHARES:
        return f"{100 * (after - before):+.1f} points"
    if figure.endswith("_db"):
        return f"{after - before:+.2f} dB"
    return f"{100 * (after / before - 1):+.1f} %"


def _design(axes: Sequence[KnobAxis], knobs: Mapping[str, Label], hidden: set[str | None]) -> str:
    return ", ".join(f"{axis.short} {shown(knobs[axis.name])}" for axis in axes if axis.name not in hidden)


def _best(figure: str, values: object) -> float:
    found: list[float] = list(values)  # type: ignore[call-overload]
    return max(found) if figure in HIGHER_IS_BETTER else min(found)


def _better(figure: str, first: float, second: float) -> float:
    return max(first, second) if figure in HIGHER_IS_BETTER else min(first, second)


def _value(figure: str, value: float) -> str:
    if figure in SHARES:
        return f"{100 * value:.1f} %"
    return f"{shown(float(value))}{_unit(figure)}"


def _by(figure: str, value: float) -> str:
    return f"{100 * value:g} points" if figure in SHARES else f"{value:g}{_unit(figure)}"


def _unit(figure: str) -> str:
    ends = {
        "_db": " dB",
        "_uj": " uJ",
        "_ms": " ms",
        "_kib": " KiB",
        "_mm2": " mm2",
        "_nats": " nats",
        "_points": " points",
    }
    return next(
        (unit for end, unit in ends.items() if figure.endswith(end)), f" {figure}" if figure == "cycles" else ""
    )


def _on(study: StudyData) -> str:
    return f" on {study.images} images" if study.images else ""
