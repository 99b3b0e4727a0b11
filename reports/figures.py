"""The plots of a report page, each a function from rows to one SVG element."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bittrue.reports.data import CostRow, Sqnr
from bittrue.reports.svg import ACCENT, BOUND_COLOURS, INK, MUTED, WARN, page_style, to_svg

_BAR_INCHES = 0.24
_SQNR_TOP_DB = 60.0


def sqnr_figure(sqnr: Sequence[Sqnr], worst_drop: str) -> str:
    """SQNR in decibels over tensors in network order; infinite and undefined values leave a gap.

    The axis ends at 60 dB, more than any 8-bit tensor has: an almost exact input would flatten the rest.
    """
    values = [entry.sqnr_db if math.isfinite(entry.sqnr_db) else math.nan for entry in sqnr]
    with page_style():
        figure = Figure(figsize=(9.6, 2.9), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(range(1, len(values) + 1), values, color=ACCENT, linewidth=1.0, marker="o", markersize=2.2)
        axes.set_xlabel("tensor, in network order")
        axes.set_ylabel("SQNR against the float model (dB)")
        axes.grid(axis="y")
        axes.margins(x=0.01, y=0.12)
        axes.set_ylim(top=min(axes.get_ylim()[1], _SQNR_TOP_DB))
        _mark_drop(axes, [entry.tensor for entry in sqnr], values, worst_drop)
        return to_svg(figure, name="sqnr", label="SQNR of each tensor in network order")


def _mark_drop(axes: Axes, names: Sequence[str], values: Sequence[float], worst_drop: str) -> None:
    if worst_drop not in names:
        return
    index = names.index(worst_drop)
    value, before = values[index], values[index - 1] if index else math.nan
    fall = f", {before - value:.1f} dB below the tensor before" if math.isfinite(before - value) else ""
    axes.axvline(index + 1, color=WARN, linewidth=0.8, linestyle=(0, (3, 3)))
    axes.plot([index + 1], [value], color=WARN, marker="o", markersize=5)
    left = index > len(names) / 2
    axes.annotate(
        f"largest drop: {worst_drop}{fall}",
        xy=(index + 1, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(-6 if left else 6, -2),
        textcoords="offset points",
        ha="right" if left else "left",
        va="top",
        color=WARN,
    )


def cycles_figure(rows: Sequence[CostRow]) -> str:
    """Cycles by kind of op, most first, each bar cut by what its steps wait for."""
    kinds: dict[str, dict[str, int]] = {}
    for row in rows:
        parts = kinds.setdefault(row.op, {})
        parts[row.bound] = parts.get(row.bound, 0) + row.cycles
    totals = {kind: sum(parts.values()) for kind, parts in kinds.items() if sum(parts.values())}
    order = sorted(totals, key=lambda kind: (-totals[kind], kind))
    size, unit = _scale(
        max(totals.values(), default=0), (("million cycles", 1e6), ("thousand cycles", 1e3), ("cycles", 1))
    )
    everything = sum(totals.values())
    with page_style():
        figure, axes = _bars(order)
        left = [0.0] * len(order)
        for bound, colour in BOUND_COLOURS.items():
            widths = [kinds[kind].get(bound, 0) / size for kind in order]
            axes.barh(range(len(order)), widths, left=left, height=0.62, color=colour, label=bound)
            left = [start + width for start, width in zip(left, widths, strict=True)]
        _values(axes, left, [f"{totals[kind] / everything:.1%}" for kind in order])
        axes.set_xlabel(unit)
        return to_svg(figure, name="cycles", label="Cycles by kind of op and by what limits them")


def energy_figure(rows: Sequence[CostRow]) -> str:
    """Energy by event, most first."""
    events: dict[str, float] = {}
    for row in rows:
        for event, energy_pj in row.energy_pj.items():
            events[event] = events.get(event, 0.0) + energy_pj
    order = sorted((event for event in events if events[event]), key=lambda event: (-events[event], event))
    size, unit = _scale(max(events.values(), default=0.0), (("mJ", 1e9), ("µJ", 1e6), ("nJ", 1e3), ("pJ", 1)))
    everything = sum(events.values())
    with page_style():
        figure, axes = _bars(order)
        widths = [events[event] / size for event in order]
        axes.barh(range(len(order)), widths, height=0.62, color=ACCENT)
        _values(axes, widths, [f"{events[event] / everything:.1%}" for event in order])
        axes.set_xlabel(unit)
        return to_svg(figure, name="energy", label="Energy by event")


def _scale(largest: float, units: Sequence[tuple[str, float]]) -> tuple[float, str]:
    """The largest unit that is not larger than the largest value."""
    for name, size in units:
        if largest >= size:
            return size, name
    return units[-1][1], units[-1][0]


def _bars(labels: Sequence[str]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.7, 0.6 + _BAR_INCHES * max(len(labels), 1)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_yticks(range(len(labels)), labels, color=INK)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.margins(x=0.14)
    return figure, axes


def _values(axes: Axes, ends: Sequence[float], texts: Sequence[str]) -> None:
    for row, (end, text) in enumerate(zip(ends, texts, strict=True)):
        axes.annotate(text, xy=(end, row), xytext=(4, 0), textcoords="offset points", va="center", color=MUTED)
