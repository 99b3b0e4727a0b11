"""A study's figures for documents: one quantity against another, each a knob or a figure of the points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bittrue.reports.exploration_data import KnobAxis, Label, PointRow, StudyData, pareto
from bittrue.reports.plot_style import COLOURS, RULE, plot_style, svg_text

MARKS = ("o", "s", "^", "D", "v", "P", "X", "*", "h")


class FigureRequest(Protocol):
    """What is asked; exploration/sweep.py."""

    @property
    def x(self) -> str: ...
    @property
    def y(self) -> str: ...
    @property
    def colour(self) -> str | None: ...
    @property
    def panel(self) -> str | None: ...


def study_figure(study: StudyData, asked: FigureRequest) -> str:
    """SVG text. Lines where x is a knob of numbers, else points; the Pareto front of each panel where both are
    objectives."""
    rows = [row for row in study.done() if _has(study, row, asked.x) and _has(study, row, asked.y)]
    panel = study.axis(asked.panel or "")
    panels: Sequence[Label | None] = panel.labels if panel else (None,)
    with plot_style():
        figure = Figure(figsize=(1.0 + 4.2 * len(panels), 3.2), layout="constrained")
        places = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        for axes, label in zip(places, panels, strict=True):
            shown = [row for row in rows if panel is None or row.knobs[panel.name] == label]
            _draw(axes, study, asked, shown)
            axes.label_outer()
            if panel is not None:
                axes.set_title(f"{panel.short} {label}", loc="left")
        handles, labels = places[0].get_legend_handles_labels()
        if len(labels) > 1:
            figure.legend(handles, labels, loc="outside right upper", fontsize=7)
        return svg_text(figure)


def _draw(axes: Axes, study: StudyData, asked: FigureRequest, rows: Sequence[PointRow]) -> None:
    colour, x_axis = study.axis(asked.colour or ""), study.axis(asked.x)
    groups: Sequence[Label | None] = colour.labels if colour else (None,)
    for place, label in enumerate(groups):
        chosen = [row for row in rows if colour is None or row.knobs[colour.name] == label]
        points = sorted((_at(study, row, asked.x), _at(study, row, asked.y)) for row in chosen)
        line = "-" if x_axis is not None and x_axis.numeric else ""
        axes.plot(
            [x for x, _ in points], [y for _, y in points], marker=MARKS[place % len(MARKS)], markersize=3.5,
            linestyle=line, linewidth=1.0, color=COLOURS[place % len(COLOURS)],
            label="" if colour is None else f"{colour.short} {label}",
        )  # fmt: skip
    if asked.x in study.objectives and asked.y in study.objectives:
        best = pareto([row for row in study.allowed() if any(row is each for each in rows)], study.objectives)
        front = sorted((row.figures[asked.x], row.figures[asked.y]) for row in best)
        axes.plot(
            [x for x, _ in front], [y for _, y in front], color=RULE, linewidth=2.0, zorder=0, drawstyle="steps-post"
        )
    _label(axes, study, asked)


def _label(axes: Axes, study: StudyData, asked: FigureRequest) -> None:
    for name, set_label, set_ticks, ticks in (
        (asked.x, axes.set_xlabel, axes.set_xticks, axes.xaxis),
        (asked.y, axes.set_ylabel, axes.set_yticks, axes.yaxis),
    ):
        axis = study.axis(name)
        set_label(axis.short if axis else name)
        if axis is not None and not axis.numeric:
            set_ticks(range(len(axis.labels)), [str(label) for label in axis.labels])
        elif axis is not None and all(isinstance(label, int) for label in axis.labels):
            ticks.set_major_locator(MaxNLocator(integer=True))  # there is no half a bit
    axes.grid()


def _has(study: StudyData, row: PointRow, name: str) -> bool:
    return study.axis(name) is not None or name in row.figures


def _at(study: StudyData, row: PointRow, name: str) -> float:
    axis = study.axis(name)
    return row.figures[name] if axis is None else place_on(axis, row.knobs[name])


def place_on(axis: KnobAxis, label: Label) -> float:
    """A number as it is; a name by its place in the list."""
    return float(label) if axis.numeric else float(axis.labels.index(label))
