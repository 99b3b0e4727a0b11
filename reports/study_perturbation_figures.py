"""perturbation as figures: how the ratio of estimate and truth goes with the size of the error, and tensor by
tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bittrue.reports.plot_style import COLOURS, INK, plot_style, svg_text
from bittrue.reports.study_perturbation_data import INPUT, KINDS, LOSSES, WEIGHT, PerturbationRow
from bittrue.reports.study_statistics import median

_Draw = Callable[[Axes, Sequence[PerturbationRow], str], None]
"""Draws the rows of one panel for one loss."""


def ratio_figure(rows: Sequence[PerturbationRow]) -> str:
    """SVG text: medians over tensors against the factor, a column a model, a row a loss, a colour a kind."""
    return _figure(rows, _draw_ratios, "factor of the quantization error", "estimate / truth")


def scatter_figure(rows: Sequence[PerturbationRow]) -> str:
    """SVG text: estimate against truth of every tensor at the factor nearest 1."""
    near = min((row.factor for row in rows), key=lambda factor: abs(factor - 1), default=1.0)
    return _figure(
        [row for row in rows if row.factor == near], _draw_scatter, f"true loss at {near:g}x", "diagonal estimate"
    )


def _figure(rows: Sequence[PerturbationRow], draw: _Draw, x: str, y: str) -> str:
    columns = list(dict.fromkeys((row.model, row.bits) for row in rows)) or [("", "")]
    with plot_style():
        figure = Figure(figsize=(2.0 + 4.0 * len(columns), 7.0), layout="constrained")
        panels = figure.subplots(len(LOSSES), len(columns), sharey="row", squeeze=False)
        handles: dict[str, Artist] = {}
        for line, (loss, name) in zip(panels, LOSSES.items(), strict=True):
            for axes, (model, bits) in zip(line, columns, strict=True):
                usable = [r for r in rows if (r.model, r.bits) == (model, bits) and r.loss(loss).above_rounding]
                for place, scale in (("x", axes.set_xscale), ("y", axes.set_yscale)):
                    scale("log")
                    axes.locator_params(place, numticks=6)
                axes.xaxis.set_major_formatter(_power)
                axes.yaxis.set_major_formatter(_power)
                axes.minorticks_off()
                draw(axes, usable, loss)
                axes.set_title(f"{model} {bits}: {name}", loc="left")
                axes.set_xlabel(x)
                axes.grid()
                handles |= {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
            line[0].set_ylabel(y)
        ordered = [label for label in ("all", "all, with off-diagonal terms", *KINDS) if label in handles]
        figure.legend(
            [handles[label] for label in ordered],
            ordered,
            loc="outside lower center",
            ncols=3 * len(columns),
            fontsize=7,
        )
        return svg_text(figure)


def _power(value: float, _place: int) -> str:
    """Words are text, so that TeX would be shown as it is written."""
    return f"{value:.0e}"


def _draw_ratios(axes: Axes, rows: Sequence[PerturbationRow], loss: str) -> None:
    factors = sorted({row.factor for row in rows})
    at = {factor: [row for row in rows if row.factor == factor] for factor in factors}
    for kind in KINDS:
        medians = [median([r.loss(loss).ratio for r in at[f] if kind in r.kinds]) for f in factors]
        style = ":" if kind.endswith(WEIGHT) else "-"
        axes.plot(factors, medians, style, color=_colour(kind), linewidth=1.0, marker="o", markersize=2, label=kind)
    every = [median([row.loss(loss).ratio for row in at[f]]) for f in factors]
    full = [median([row.loss(loss).full_ratio for row in at[f]]) for f in factors]
    axes.plot(factors, every, color=INK, linewidth=2.0, label="all")
    axes.plot(factors, full, color=INK, linewidth=2.0, linestyle="--", label="all, with off-diagonal terms")
    axes.axhline(1.0, color=INK, linewidth=0.6)
    axes.set_xticks(factors, [f"{factor:g}x" for factor in factors])
    ticks = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])


def _draw_scatter(axes: Axes, rows: Sequence[PerturbationRow], loss: str) -> None:
    """A tensor of several kinds has the colour of its first; weights are open."""
    for kind in KINDS:
        some = [row for row in rows if row.kinds[0] == kind and row.loss(loss).diagonal > 0]
        if some:
            x, y = [row.loss(loss).true for row in some], [row.loss(loss).diagonal for row in some]
            inside = "none" if kind.endswith(WEIGHT) else _colour(kind)
            axes.plot(
                x,
                y,
                linestyle="none",
                marker="o",
                markersize=3,
                color=_colour(kind),
                markerfacecolor=inside,
                label=kind,
            )
    values = [value for row in rows for value in (row.loss(loss).true, row.loss(loss).diagonal) if value > 0]
    if values:
        axes.plot([min(values), max(values)], [min(values), max(values)], color=INK, linewidth=0.6)


def _colour(kind: str) -> str:
    """A layer's inputs and weights share one."""
    layers = list(dict.fromkeys(each.removesuffix(INPUT).removesuffix(WEIGHT) for each in KINDS))
    return COLOURS[layers.index(kind.removesuffix(INPUT).removesuffix(WEIGHT)) % len(COLOURS)]
