"""What a step of one knob does to every objective: pairs of points that differ in nothing else.

Where a sampler has left no such pairs, a straight line through all points stands in, and says so.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.reports.exploration_data import KnobAxis, Label, PointRow, StudyData

FIT_ROWS_PER_TERM = 2
"""A line through fewer points for each of its terms says nothing."""


@dataclass(frozen=True)
class Sensitivity:
    """One step of one knob for one figure."""

    knob: str
    before: Label
    after: Label
    figure: str
    change: float
    """Of the figure, from `before` to `after`: the mean over pairs, or of the fitted line."""
    least: float
    most: float
    """Over pairs."""
    pairs: int
    """0: fitted."""


def sensitivities(study: StudyData) -> tuple[Sensitivity, ...]:
    """Every knob's steps: of numbers one value down after another, of names each against the base design's."""
    rows = study.done()
    found: list[Sensitivity] = []
    for axis in study.axes:
        steps = [step for step in _paired(study, axis, rows) if step.pairs]
        found += steps or _fitted(study, axis, rows)
    return tuple(found)


def _steps(study: StudyData, axis: KnobAxis) -> Iterator[tuple[Label, Label]]:
    if axis.numeric:
        ordered = sorted(axis.labels, key=float, reverse=True)
        yield from zip(ordered, ordered[1:], strict=False)
        return
    base = study.base[axis.name]
    yield from ((base, label) for label in axis.labels if label != base)


def _paired(study: StudyData, axis: KnobAxis, rows: Sequence[PointRow]) -> Iterator[Sensitivity]:
    others = [other.name for other in study.axes if other.name != axis.name]
    groups: dict[tuple[Label, ...], dict[Label, PointRow]] = {}
    for row in rows:
        groups.setdefault(tuple(row.knobs[name] for name in others), {})[row.knobs[axis.name]] = row
    for before, after in _steps(study, axis):
        pairs = [(group[before], group[after]) for group in groups.values() if before in group and after in group]
        for figure in study.objectives:
            changes = [second.figures[figure] - first.figures[figure] for first, second in pairs] or [0.0]
            yield Sensitivity(
                axis.name, before, after, figure, statistics.fmean(changes), min(changes), max(changes), len(pairs)
            )


def _fitted(study: StudyData, axis: KnobAxis, rows: Sequence[PointRow]) -> Iterator[Sensitivity]:
    """The slope of a plane through all points, for one step down."""
    if not axis.numeric or len(axis.labels) < 2:
        return
    terms = _terms(study, rows)
    place = next(index for index, (name, _) in enumerate(terms) if name == axis.name)
    matrix = np.column_stack([np.ones(len(rows)), *(column for _, column in terms)])
    if len(rows) < FIT_ROWS_PER_TERM * matrix.shape[1]:
        return
    ordered = sorted(axis.labels, key=float, reverse=True)
    step = float(ordered[1]) - float(ordered[0])
    for figure in study.objectives:
        target = np.array([row.figures[figure] for row in rows], np.float64)
        slope = float(np.linalg.lstsq(matrix, target, rcond=None)[0][place + 1]) * step
        yield Sensitivity(axis.name, ordered[0], ordered[1], figure, slope, slope, slope, 0)


def _terms(study: StudyData, rows: Sequence[PointRow]) -> list[tuple[str, NDArray[np.float64]]]:
    """Columns of the fit: a knob of numbers is one, one of names has one for each name but the first."""
    terms: list[tuple[str, NDArray[np.float64]]] = []
    for axis in study.axes:
        values = [row.knobs[axis.name] for row in rows]
        if axis.numeric:
            terms.append((axis.name, np.array([float(value) for value in values])))
            continue
        terms += [
            (f"{axis.name}={label}", np.array([float(value == label) for value in values])) for label in axis.labels[1:]
        ]
    return terms
