"""The plot of how simulate time grows: over the image's side, over the batch, over the model's products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator, StrMethodFormatter

from benchmarks.networks import MODELS
from benchmarks.spread import Spread
from bittrue.spec.files import written_whole

_COLOURS = dict(zip(MODELS, ("#0072b2", "#56b4e9", "#009e73", "#d55e00", "#e69f00", "#cc79a7"), strict=True))
_STYLE: dict[Any, Any] = {
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9.0,
    "font.size": 8.0,
    "grid.color": "#c8ccd0",
    "grid.linewidth": 0.4,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Point:
    """Time of one model at one side and batch."""

    model: str
    side: int
    """Pixels."""
    batch: int
    macs: int
    """Products an image."""
    image_ms: Spread
    """Milliseconds an image, over rounds."""


def plot(points: Sequence[Point], machine: str, path: Path, *, side: int, batch: int) -> None:
    """Write the three panels as PNG; side and batch are those that stand still where the other is varied."""
    by_side = [point for point in points if point.batch == batch]
    by_batch = [point for point in points if point.side == side]
    by_model = [point for point in by_side if point.side == side]
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(11, 3.8), dpi=150, layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        _lines(left, by_side, lambda point: point.side)
        _proportional(left, by_side)
        left.set(title=f"image side, batch {batch}", xlabel="side, pixels")
        _lines(middle, by_batch, lambda point: point.batch)
        middle.set(title=f"batch, {side}x{side}", xlabel="images a batch")
        _lines(right, by_model, lambda point: point.macs / 1e6)
        right.set(title=f"model, {side}x{side}, batch {batch}", xlabel="million products an image")
        for axes in (left, middle, right):
            axes.set_ylabel("simulate, ms an image")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        left.legend()
        figure.supxlabel(machine, fontsize=6.0)
        with written_whole(path) as part:
            figure.savefig(part, format="png")


def _lines(axes: Axes, points: Sequence[Point], of: Callable[[Point], float]) -> None:
    """A line for each model with its quartiles, both axes logarithmic, ticks at what was measured."""
    axes.set(xscale="log", yscale="log")
    for model in dict.fromkeys(point.model for point in points):
        mine = sorted((point for point in points if point.model == model), key=of)
        times = [point.image_ms for point in mine]
        below, above = [time.median - time.low for time in times], [time.high - time.median for time in times]
        axes.errorbar(
            [of(point) for point in mine], [time.median for time in times], yerr=(below, above), label=model,
            color=_COLOURS[model], linewidth=1.0, marker="o", markersize=3.0, capsize=2.0,
        )  # fmt: skip
    axes.xaxis.set_major_locator(FixedLocator(sorted({of(point) for point in points})))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    axes.tick_params(axis="x", rotation=45)


def _proportional(axes: Axes, points: Sequence[Point]) -> None:
    """The slope of a time that grows as the pixels do, from the fastest point on."""
    first = min(points, key=lambda point: (point.side, point.image_ms.median))
    sides = [first.side, max(point.side for point in points)]
    times = [first.image_ms.median * (side / first.side) ** 2 for side in sides]
    axes.plot(sides, times, color="#555555", linewidth=0.8, linestyle="--", label="as the pixels")
