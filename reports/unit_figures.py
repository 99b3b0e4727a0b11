"""Errors of units as standalone SVG files for the documentation: equal data give equal bytes."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from bittrue.reports.plot_style import COLOURS, INK, RULE, plot_style
from bittrue.reports.unit_data import ErrorCurve, ErrorRow, UnitErrors

_FLOOR = 1e-9
"""Errors of 0 have no logarithm."""


def unit_figure(errors: UnitErrors, unit: str) -> str:
    """The figure of one unit as SVG text; `unit` is one of FIGURES."""
    with plot_style():
        return _to_svg(FIGURES[unit](errors, unit))


def _activation(errors: UnitErrors, unit: str) -> Figure:
    """A panel for each kind on 8-bit codes, in output steps."""
    curves = errors.curves_of(unit)
    rows = math.ceil(len(curves) / 3)
    figure = Figure(figsize=(9.6, 0.6 + 1.45 * rows), layout="constrained")
    panels = figure.subplots(rows, 3, sharex=True, squeeze=False).reshape(-1)
    for axes, curve, colour in zip(panels, curves, COLOURS, strict=False):
        steps = [error / curve.step for error in curve.errors]
        axes.axhspan(-0.5, 0.5, color=RULE, alpha=0.5, linewidth=0)
        axes.plot(curve.inputs, steps, color=colour, linewidth=0.8)
        axes.set_title(f"{curve.kind}: {max(map(abs, steps)):.2g} at most", loc="left")
        axes.set_ylim(*_limits(steps))
        axes.set_xticks(range(-8, 9, 4))
        axes.locator_params(axis="y", nbins=5)
        axes.grid(axis="y")
    for axes in panels[len(curves) :]:
        axes.set_axis_off()
    figure.supxlabel("input", fontsize=8)
    figure.supylabel("error in 8-bit output steps", fontsize=8)
    return figure


def _limits(steps: Sequence[float]) -> tuple[float, float]:
    """Panels of good kinds share one axis, so that they can be compared; a bad one has its own."""
    return (-2.5, 2.5) if max(map(abs, steps)) < 2.5 else (min(-2.5, *steps) * 1.1, max(2.5, *steps) * 1.1)


def _exponential(errors: UnitErrors, unit: str) -> Figure:
    figure, axes = _one()
    for curve, colour in zip(errors.curves_of(unit), COLOURS, strict=False):
        axes.plot(curve.inputs, _magnitudes(curve), color=colour, linewidth=1.0, label=curve.kind)
    _decades(axes, "y")
    axes.set_xlabel("x, a logit's distance from the largest (logits of scale 1/32)")
    axes.set_ylabel("|error| of exp(x)")
    _legend(axes)
    return figure


def _reciprocal_root(errors: UnitErrors, unit: str) -> Figure:
    figure, axes = _one()
    for curve, colour in zip(errors.curves_of(unit), COLOURS, strict=False):
        axes.plot(curve.inputs, _magnitudes(curve), color=colour, linewidth=1.0, label=curve.kind)
    _octaves(axes)
    _decades(axes, "y")
    axes.set_xlabel("operand: what the root is taken of")
    axes.set_ylabel("max |relative error| in half an octave")
    _legend(axes)
    return figure


def _softmax(errors: UnitErrors, unit: str) -> Figure:
    """Bars for rows of scale 1/16, lines over the scale of the logits."""
    figure = Figure(figsize=(9.6, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    usual = _named(errors.of(unit), "scale 1/16")
    groups = {f"deviation {real}": _named(usual, f"deviation {real}") for real in (1, 3)}
    _bars(left, errors.kinds(unit), groups)
    left.set_xlabel("max error of a probability; rows of 16, 64 and 256, scale 1/16")
    for kind, colour in zip(errors.kinds(unit), COLOURS, strict=False):
        known = [row for row in _named(_named(errors.of(unit), "n 64"), "deviation 1") if row.kind == kind]
        points = sorted((float(Fraction(row.case.rsplit(" ", 1)[1])), row.max_error) for row in known)
        if len(points) > 1:
            right.plot(*zip(*points, strict=True), color=colour, linewidth=1.0, marker="o", markersize=3, label=kind)
    _octaves(right)
    _decades(right, "y")
    right.set_xlabel("scale of the 8-bit logits; rows of 64, deviation 1")
    right.set_ylabel("max error")
    right.grid()
    _legend(right)
    return figure


def _norm(errors: UnitErrors, unit: str) -> Figure:
    """Bars for 8-bit outputs and for 16-bit ones."""
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    rows, kinds = errors.of(unit), errors.kinds(unit)
    wide = [row for row in rows if "16 bits out" in row.case]
    away = [row for row in rows if "mean 60" in row.case]
    usual = [row for row in rows if row not in wide and row not in away]
    left, right = figure.subplots(1, 2)
    far = {"deviation 2 codes, mean 60": away}
    for axes, shown, more, outputs in ((left, usual, far, "8-bit output"), (right, wide, {}, "16-bit, rows of 144")):
        groups = {f"deviation {codes} codes": _named(shown, f"deviation {codes}") for codes in (30, 2)}
        _bars(axes, kinds, {**groups, **more})
        axes.axvline(shown[0].step / 2, color=INK, linewidth=0.8, linestyle=(0, (3, 3)))
        axes.set_xlabel(f"max error in deviations; {outputs}; half a step dashed")
    right.set_yticklabels([])
    return figure


def _named(rows: Sequence[ErrorRow], part: str) -> list[ErrorRow]:
    """The rows of which one part of the case's name is `part`."""
    return [row for row in rows if part in row.case.split(", ")]


def _bars(axes: Axes, kinds: Sequence[str], groups: Mapping[str, Sequence[ErrorRow]]) -> None:
    """The largest error of each kind, a bar for each group of rows."""
    height = 0.8 / len(groups)
    for place, (label, rows) in enumerate(groups.items()):
        widths = [max(row.max_error for row in rows if row.kind == kind) for kind in kinds]
        at = [index + (place - (len(groups) - 1) / 2) * height for index in range(len(kinds))]
        axes.barh(at, widths, height=height, color=COLOURS[place], label=label)
    axes.set_yticks(range(len(kinds)), kinds)
    axes.invert_yaxis()
    _decades(axes, "x")
    axes.grid(axis="x")
    axes.legend(fontsize=7, loc="upper right")


def _one() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.grid()
    return figure, axes


def _magnitudes(curve: ErrorCurve) -> list[float]:
    return [max(abs(error), _FLOOR) for error in curve.errors]


def _legend(axes: Axes) -> None:
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))


def _decades(axes: Axes, axis: Literal["x", "y"]) -> None:
    """A logarithmic axis with plain numbers: no mathematics to set in the viewer's font."""
    (axes.set_xscale if axis == "x" else axes.set_yscale)("log")
    chosen = axes.xaxis if axis == "x" else axes.yaxis
    chosen.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:.0e}".replace("e-0", "e-") if value < 0.01 else f"{value:g}")
    )
    chosen.set_minor_formatter(NullFormatter())


def _octaves(axes: Axes) -> None:
    """The same of powers of two."""
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: str(Fraction(value)) if value < 2 else f"2^{math.log2(value):.0f}")
    )


def _to_svg(figure: Figure) -> str:
    """Standalone, on white; coordinates to a tenth of a point and no indentation keep it small."""
    FigureCanvasSVG(figure)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = re.sub(r"(\d\.\d)\d+", r"\1", buffer.getvalue()).replace(" \nL ", " L ")
    return re.sub(r"\n +", "\n", text)


FIGURES: dict[str, Callable[[UnitErrors, str], Figure]] = {
    "silu": _activation,
    "gelu": _activation,
    "exp": _exponential,
    "rsqrt": _reciprocal_root,
    "softmax": _softmax,
    "norm": _norm,
}
