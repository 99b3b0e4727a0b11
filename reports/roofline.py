"""The roofline of a profile as a picture: every step at its intensity and rate, under what the machine can do.

Source: Williams, Waterman, Patterson, "Roofline", CACM 52(4), 2009; here with operations = multiply-accumulates and
element operations, because half of a hybrid transformer's steps have no products.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from bittrue.reports.plot_style import COLOURS, INK, plot_style
from bittrue.reports.profile_data import Profile, StepTime

DOTS_PER_INCH = 160
OTHERS = "others"
LARGEST_POINTS = 400.0
"""Area of the point of a step that takes all the time, in square points, beyond the smallest one's."""


def roofline_figure(profile: Profile) -> bytes:
    """The picture as PNG: left the steps under the roofs, areas by their share of the time; right the time by op."""
    colours = _colours(profile)
    with plot_style():
        figure = Figure(figsize=(10.4, 4.6), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(2.1, 1))
        _roofs(left, profile)
        for op, colour in colours.items():
            _points(left, profile, [step for step in profile.steps if _named(step.op, colours) == op], colour, op)
        left.set_xlabel("operations a byte (operands, result and constants, each once)")
        left.set_ylabel("10^9 operations a second")
        left.grid()
        if left.collections:
            for handle in left.legend(fontsize=7, loc="lower right").legend_handles:
                handle.set_sizes([24.0])
        _bars(right, profile, colours)
        figure.suptitle(_title(profile), fontsize=9, x=0.01, ha="left")
        FigureCanvasAgg(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()


def _title(profile: Profile) -> str:
    limit = profile.limit
    threads = f"{limit.threads} thread{'s' if limit.threads > 1 else ''}"
    run = f"{profile.run_minimum_us / 1e3:.2f} ms an image, {threads}, {limit.instructions}"
    return f"{profile.model} on {profile.datapath}: {run}"


def _colours(profile: Profile) -> dict[str, str]:
    """A colour for each op, the longest first; the last one for all that are left."""
    ops = [total.op for total in profile.by_op()]
    shown = ops if len(ops) <= len(COLOURS) else [*ops[: len(COLOURS) - 1], OTHERS]
    return dict(zip(shown, COLOURS, strict=False))


def _named(op: str, colours: dict[str, str]) -> str:
    return op if op in colours else OTHERS


def _roofs(axes: Axes, profile: Profile) -> None:
    """Slopes of both bandwidths up to the peak of the products."""
    limit = profile.limit
    intensities = [step.intensity for step in profile.steps if step.operations] or [1.0]
    low, high = min(intensities) / 2, max(*intensities, 2 * limit.gmac_s / limit.memory_gb_s) * 2
    axes.set_xscale("log")
    axes.set_yscale("log")
    for bandwidth, label in ((limit.cache_gb_s, "cache"), (limit.memory_gb_s, "memory")):
        knee = limit.gmac_s / bandwidth
        axes.plot([low, knee], [low * bandwidth, limit.gmac_s], color=INK, linewidth=0.9)
        text = f"{label} {bandwidth:.0f} GB/s"
        axes.annotate(text, (low, low * bandwidth), (4, -2), textcoords="offset points", va="top", fontsize=7)
    axes.plot([limit.gmac_s / limit.cache_gb_s, high], [limit.gmac_s] * 2, color=INK, linewidth=0.9)
    axes.annotate(
        f"dot-product tile {limit.gmac_s:.0f} GMAC/s",
        (high, limit.gmac_s),
        (-3, 3),
        textcoords="offset points",
        ha="right",
        fontsize=7,
    )
    axes.set_xlim(low, high)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _points(axes: Axes, profile: Profile, steps: Sequence[StepTime], colour: str, label: str) -> None:
    """Filled where the fast machine ran, hollow where a plain kernel did."""
    for plain in (False, True):
        shown = [step for step in steps if step.plain == plain and step.operations]
        if not shown:
            continue
        axes.scatter(
            [step.intensity for step in shown],
            [step.gop_s for step in shown],
            s=[6 + LARGEST_POINTS * profile.share(step.minimum_us) for step in shown],
            facecolors="none" if plain else colour,
            edgecolors=colour if plain else "white",
            linewidths=0.9 if plain else 0.4,
            alpha=0.9,
            label=f"{label}, plain" if plain else label,
            zorder=3,
        )


def _bars(axes: Axes, profile: Profile, colours: dict[str, str]) -> None:
    """Time by op, what its limit would be drawn into it."""
    totals = profile.by_op()
    places = range(len(totals))
    axes.barh(
        places,
        [total.minimum_us / 1e3 for total in totals],
        height=0.62,
        color=[colours[_named(total.op, colours)] for total in totals],
    )
    axes.barh(places, [total.limit_us / 1e3 for total in totals], height=0.2, color=INK, label="least possible")
    for place, total in zip(places, totals, strict=True):
        end, text = total.minimum_us / 1e3, f"{profile.share(total.minimum_us):.0%}"
        axes.annotate(text, (end, place), (3, 0), textcoords="offset points", va="center", fontsize=7)
    axes.set_yticks(places, [total.op for total in totals])
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.grid(axis="x")
    axes.set_xlabel("ms of a run")
    axes.legend(fontsize=7, loc="lower right")
