"""Plots of single bridge activations: ranges of their channels, SQNR by granularity, zero points that they want."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bittrue.reports.bridge_data import CODE_HIGH, CODE_LOW, Activation
from bittrue.reports.plot_style import COLOURS, INK

WAYS = {"in": "way in", "out": "way out"}
LINE_INCHES = 0.17
PANEL_INCHES = 1.6


def ranges_plot(activations: Sequence[Activation]) -> Figure:
    """A row a block, a panel an activation: for each channel smallest to largest value, and the middle half."""
    blocks = list(dict.fromkeys((each.block, each.way) for each in activations))
    rows = [[each for each in activations if (each.block, each.way) == block] for block in blocks]
    width = max(map(len, rows))
    figure = Figure(figsize=(2.4 * width + 0.4, 1.45 * len(rows) + 0.6), layout="constrained")
    panels = figure.subplots(len(rows), width, squeeze=False)
    for line, held, (_, way) in zip(panels, rows, blocks, strict=True):
        for axes in line[len(held) :]:
            axes.set_axis_off()
        for axes, each in zip(line, held, strict=False):
            _ranges(axes, each)
        line[0].set_ylabel(WAYS[way])
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=7)
    return figure


def _ranges(axes: Axes, each: Activation) -> None:
    indices = [channel.index for channel in each.channels]
    width = 72 * PANEL_INCHES / max(len(indices), 1)
    for low, high, colour, label in (
        ([c.low for c in each.channels], [c.high for c in each.channels], "#9ecae1", "smallest to largest value"),
        (
            [c.quarter for c in each.channels],
            [c.three_quarters for c in each.channels],
            COLOURS[0],
            "middle half of the values",
        ),
    ):
        axes.plot(*_segments(indices, low, high), color=colour, linewidth=width, solid_capstyle="butt", label=label)
    past = each.overflowing
    axes.plot(
        [channel.index for channel in past],
        [channel.low if channel.low > 0 else channel.high for channel in past],
        linestyle="none",
        marker="o",
        markersize=2.5,
        color=COLOURS[1],
        label="zero point past 8 bits",
    )
    axes.axhline(0, color=INK, linewidth=0.5)
    axes.set_xlim(-0.5, len(each.channels) - 0.5)
    axes.set_title(each.tensor, loc="left", fontsize=6)
    axes.tick_params(labelsize=6)


def sqnr_plot(activations: Sequence[Activation]) -> Figure:
    """A line an activation: one scale and a scale a channel, on the images of the ranges and on new ones."""
    figure, axes = _lines(activations)
    lines = range(len(activations))
    for name, colour, label in (("layer", COLOURS[1], "layer-wise"), ("channel", COLOURS[0], "channel-wise")):
        seen = [_drawn(each.seen[name].sqnr_db) for each in activations]
        new = [_drawn(each.fits[name].sqnr_db) for each in activations]
        hollow = f"{label}, images of the ranges"
        axes.plot(seen, lines, "o", markersize=4, color=colour, fillstyle="none", label=hollow, zorder=3)
        axes.plot(new, lines, "o", markersize=4, color=colour, label=f"{label}, new images", zorder=3)
        axes.plot(*_segments(lines, seen, new)[::-1], color=colour, linewidth=0.8, alpha=0.5, zorder=2)
    axes.set_xlabel("SQNR of 8-bit codes, dB")
    figure.legend(loc="outside lower center", ncols=4, fontsize=7)
    return figure


def zero_points_plot(activations: Sequence[Activation]) -> Figure:
    """A line an activation: the zero point of each channel's range and of the whole range; 8 bits are shaded."""
    figure, axes = _lines(activations)
    axes.axvspan(CODE_LOW, CODE_HIGH, color="#e8f1e8", linewidth=0, label="8-bit codes")
    points = [(channel, line) for line, each in enumerate(activations) for channel in each.channels]
    for past, colour, label in ((False, COLOURS[0], "of a channel"), (True, COLOURS[1], "of a channel, past 8 bits")):
        held = sorted({(channel.zero_point, line) for channel, line in points if channel.overflows == past})
        lines = _segments([at for at, _ in held], [line - 0.3 for _, line in held], [line + 0.3 for _, line in held])
        axes.plot(*lines, linewidth=0.8, color=colour, label=label)
    axes.plot(
        [each.zero_point for each in activations],
        range(len(activations)),
        linestyle="none",
        marker="D",
        markersize=3,
        color=INK,
        label="of the whole tensor",
    )
    axes.set_xscale("symlog", linthresh=CODE_HIGH + 1, linscale=2.0)
    ticks = [-4096, -1024, -256, -128, -64, 0, 64, 127, 256, 1024, 4096]
    low, high = axes.get_xlim()
    axes.set_xticks([tick for tick in ticks if low <= tick <= high], minor=False)
    axes.set_xticklabels([str(tick) for tick in ticks if low <= tick <= high])
    axes.minorticks_off()
    axes.set_xlabel("zero point as a signed code; linear within 128, logarithmic beyond")
    figure.legend(loc="outside lower center", ncols=4, fontsize=7)
    return figure


def _lines(activations: Sequence[Activation]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9.6, 1.2 + LINE_INCHES * len(activations)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_yticks(range(len(activations)), [each.tensor for each in activations], fontsize=6)
    axes.invert_yaxis()
    axes.set_ylim(len(activations) - 0.4, -0.6)
    axes.grid(axis="x")
    return figure, axes


def _segments(at: Sequence[float], start: Sequence[float], end: Sequence[float]) -> tuple[list[float], list[float]]:
    """Upright lines as one path, which is a tenth of what marks or bars take in a file."""
    gaps = [math.nan] * len(at)
    across = [value for place in at for value in (place, place, math.nan)]
    return across, [value for line in zip(start, end, gaps, strict=True) for value in line]


def _drawn(value: float) -> float:
    """Exact tensors have no place on an axis."""
    return value if math.isfinite(value) else math.nan
