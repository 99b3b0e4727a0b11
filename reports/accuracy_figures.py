"""Accuracy as standalone SVG files for the documentation: a panel a model, bits along it, a colour a method."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bittrue.reports.accuracy_data import Accuracy, AccuracyRow, Arithmetic
from bittrue.reports.accuracy_tables import METRICS, TITLES
from bittrue.reports.plot_style import COLOURS, INK, plot_style, svg_text

SHOWN = ("sqnr", "agreement")
"""The metrics that have a figure for each table."""


def figure_name(table: str, arithmetic: Arithmetic, metric: str) -> str:
    """Of the file."""
    ending = f"_{arithmetic}" if table == "3" else ""
    return f"accuracy_table{table}{ending}_{metric}.svg"


def accuracy_figure(accuracy: Accuracy, table: str, arithmetic: Arithmetic, metric: str) -> str:
    """One metric of one table as SVG text: means over seeds, single seeds as dots."""
    return case_figure(accuracy.of(table, arithmetic), metric, TITLES[table, arithmetic])


def case_figure(cases: Sequence[AccuracyRow], metric: str, title: str) -> str:
    """One metric of some cases as SVG text."""
    rows = [row for row in cases if row.figures is not None]
    models = list(dict.fromkeys(row.model for row in rows))
    names = list(dict.fromkeys(row.name for row in rows))
    groups = list(dict.fromkeys((row.bits, row.residual_bits) for row in rows))
    with plot_style():
        height = math.ceil(max(len(models), 1) / 2)
        figure = Figure(figsize=(9.6, 0.8 + 2.4 * height), layout="constrained")
        panels = figure.subplots(height, 2, sharey=True, squeeze=False).reshape(-1)
        for axes, model in zip(panels, models, strict=False):
            _draw(axes, [row for row in rows if row.model == model], names, groups, metric)
            axes.set_title(model, loc="left")
        for axes in panels[len(models) :]:
            axes.set_axis_off()
        figure.supylabel(METRICS[metric].title, fontsize=8)
        figure.suptitle(title, fontsize=8)
        if models:
            handles, labels = panels[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside lower center", ncols=min(len(names), 9), fontsize=7)
        return svg_text(figure)


def _draw(
    axes: Axes, rows: Sequence[AccuracyRow], names: Sequence[str], groups: Sequence[tuple[str, int]], metric: str
) -> None:
    """SQNR as bars from 0; agreement, which is near 100 throughout, as marks on an axis of its own."""
    width = 0.84 / len(names)
    for place, name in enumerate(names):
        centres, means = [], []
        for index, group in enumerate(groups):
            values = [
                value
                for row in rows
                if row.name == name and (row.bits, row.residual_bits) == group and row.figures is not None
                if (value := METRICS[metric].value(row.figures)) is not None and math.isfinite(value)
            ]
            if not values:
                continue
            centre = index + (place - (len(names) - 1) / 2) * width
            centres.append(centre)
            means.append(statistics.fmean(values))
            if len(values) > 1:
                axes.plot(
                    [centre] * len(values), values, marker="o", markersize=1.5, linewidth=0.6, color=INK, zorder=3
                )
        colour = COLOURS[place % len(COLOURS)]
        if metric == "sqnr":
            axes.bar(centres, means, width=0.9 * width, color=colour, label=name)
        else:
            axes.plot(centres, means, linestyle="none", marker="s", markersize=4, color=colour, label=name)
    several = len({residual for _, residual in groups}) > 1
    labels = [f"{bits}, residual {residual}" if several else bits for bits, residual in groups]
    axes.set_xticks(range(len(groups)), labels)
    axes.set_xlim(-0.5, len(groups) - 0.5)
    axes.grid(axis="y")
