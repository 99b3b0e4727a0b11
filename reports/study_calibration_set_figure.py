"""Accuracy against the number of calibration images: a column a model, a row a metric, a colour a method."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bittrue.reports.accuracy_data import AccuracyRow
from bittrue.reports.accuracy_tables import METRICS
from bittrue.reports.plot_style import COLOURS, plot_style, svg_text

METRICS_SHOWN = {"sqnr": "SQNR, dB", "agreement": "agreement, %", "drop": "top-1 drop, points"}


def calibration_set_figure(rows: Sequence[AccuracyRow]) -> str:
    """SVG text: means over seeds as lines, ± sample deviation as bars, single seeds as dots."""
    models = list(dict.fromkeys(row.model for row in rows)) or [""]
    lines = list(dict.fromkeys((row.bits, row.method) for row in rows))
    with plot_style():
        figure = Figure(figsize=(1.2 + 3.6 * len(models), 5.4), layout="constrained")
        panels = figure.subplots(len(METRICS_SHOWN), len(models), sharex=True, sharey="row", squeeze=False)
        for row_of_panels, (metric, label) in zip(panels, METRICS_SHOWN.items(), strict=True):
            for axes, model in zip(row_of_panels, models, strict=True):
                _draw(axes, [row for row in rows if row.model == model], lines, metric)
            row_of_panels[0].set_ylabel(label)
        for axes, model in zip(panels[0], models, strict=True):
            axes.set_title(model, loc="left")
        figure.supxlabel("calibration images", fontsize=8)
        handles, labels = panels[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=max(1, min(len(lines), 6)), fontsize=7)
        return svg_text(figure)


def _draw(axes: Axes, rows: Sequence[AccuracyRow], lines: Sequence[tuple[str, str]], metric: str) -> None:
    axes.set_xscale("log", base=2)
    for place, (bits, method) in enumerate(lines):
        points: dict[int, list[float]] = {}
        for row in rows:
            value = None if row.figures is None else METRICS[metric].value(row.figures)
            if (row.bits, row.method) == (bits, method) and value is not None and math.isfinite(value):
                points.setdefault(row.calibration_images, []).append(value)
        if not points:
            continue
        counts, colour = sorted(points), COLOURS[place % len(COLOURS)]
        # A little to the side of each other, so that bars of several methods can be told apart.
        x = [count * 2 ** (0.06 * (place - (len(lines) - 1) / 2)) for count in counts]
        means = [statistics.fmean(points[count]) for count in counts]
        bars = [statistics.stdev(points[count]) if len(points[count]) > 1 else 0.0 for count in counts]
        axes.errorbar(
            x, means, yerr=bars, color=colour, linewidth=1.0, capsize=2, marker="s", markersize=3,
            label=f"{bits} {method}",
        )  # fmt: skip
        for at, count in zip(x, counts, strict=True):
            axes.plot([at] * len(points[count]), points[count], "o", color=colour, markersize=2, alpha=0.6)
    counts = sorted({row.calibration_images for row in rows})
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.grid(axis="y")
