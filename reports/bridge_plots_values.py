"""Plots of values and of networks: histograms of real and quantized values, logits by how zero points are held."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bittrue.reports.bridge_data import Histogram, ZeroPointRow
from bittrue.reports.plot_style import COLOURS, INK

NAMES = {
    "layer": "layer-wise",
    "channel": "channel-wise",
    "channel clamped": "channel-wise, clamped zero point",
}
OVER_ONE_SCALE = {"channel": "channel-wise, wide zero point"}
"""In a figure about zero points."""


def histograms_plot(counted: Sequence[Histogram]) -> Figure:
    """A row a histogram, a panel a quantizer: quantized values filled, real ones as an outline over them."""
    width = max(len(each.quantized) for each in counted)
    figure = Figure(figsize=(9.6, 2.1 * len(counted) + 0.7), layout="constrained")
    panels = figure.subplots(len(counted), width, squeeze=False, sharey="row")
    for line, each in zip(panels, counted, strict=True):
        names = {**NAMES, **OVER_ONE_SCALE} if "channel clamped" in each.quantized else NAMES
        for index, (axes, (name, quantized)) in enumerate(zip(line, each.quantized.items(), strict=True)):
            _histogram(axes, each, quantized, COLOURS[1 - index] if "layer" in each.quantized else COLOURS[index])
            which = "all channels" if each.channel is None else f"channel {each.channel}"
            axes.set_title(f"{each.tensor}, {which}: {names[name]}", loc="left", fontsize=7)
        line[0].set_ylabel("values in a bin")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=7)
    return figure


def _histogram(axes: Axes, each: Histogram, quantized: np.ndarray, colour: str) -> None:
    # Logarithmic: a spike of clipped values would hide the rest of a linear axis.
    axes.stairs(quantized, each.edges, fill=True, color=colour, alpha=0.55, label="quantized")
    axes.stairs(each.real, each.edges, color=INK, linewidth=0.8, label="real")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_ylim(bottom=0.7)
    axes.set_xlim(each.edges[0], each.edges[-1])


def end_to_end_plot(rows: Sequence[ZeroPointRow], title: str) -> Figure:
    """A panel a model: for each plan a bar a way of holding zero points."""
    known = [row for row in rows if row.accuracy.figures is not None]
    models = list(dict.fromkeys(row.accuracy.model for row in known))
    plans = list(dict.fromkeys(row.plan for row in known))
    steps = list(dict.fromkeys(row.zero_points for row in known))
    figure = Figure(figsize=(9.6, 0.8 + 2.4 * -(-len(models) // 2)), layout="constrained")
    panels = figure.subplots(-(-len(models) // 2), 2, sharey=True, squeeze=False).reshape(-1)
    width = 0.84 / len(steps)
    for axes, model in zip(panels, models, strict=False):
        for place, step in enumerate(steps):
            held = [row for row in known if (row.accuracy.model, row.zero_points) == (model, step)]
            centres = [plans.index(row.plan) + (place - (len(steps) - 1) / 2) * width for row in held]
            heights = [row.accuracy.figures.sqnr_db for row in held if row.accuracy.figures is not None]
            axes.bar(centres, heights, width=0.9 * width, color=COLOURS[place], label=f"zero points {step}")
        axes.set_xticks(range(len(plans)), [plan.replace(", ", ",\n") for plan in plans], fontsize=7)
        axes.set_title(model, loc="left")
        axes.grid(axis="y")
    for axes in panels[len(models) :]:
        axes.set_axis_off()
    figure.supylabel("SQNR of the logits, dB", fontsize=8)
    figure.suptitle(title, fontsize=8)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=7)
    return figure
