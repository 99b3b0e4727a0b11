"""Which figures `bittrue bench bridges` has, their files and their titles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from matplotlib.figure import Figure

from bittrue.reports.accuracy_figures import case_figure
from bittrue.reports.bridge_data import Bridges
from bittrue.reports.bridge_plots import ranges_plot, sqnr_plot, zero_points_plot
from bittrue.reports.bridge_plots_values import end_to_end_plot, histograms_plot
from bittrue.reports.bridge_tables import TOPICS
from bittrue.reports.plot_style import plot_style, svg_text

SCHEME_TITLE = "Bridge activations symmetric, asymmetric or searched; everything else equal"


class Plot(NamedTuple):
    """One figure."""

    topic: str
    name: str
    """Of the file."""
    title: str
    figure: Figure


def figures_of(found: Bridges) -> dict[str, dict[str, str]]:
    """Titles by file name, by topic."""
    made: dict[str, dict[str, str]] = {topic: {} for topic in TOPICS}
    with plot_style():
        for plot in _plots(found):
            made[plot.topic][plot.name] = plot.title
    made["schemes"] = {name: title for name, _, title in _schemes(found)}
    return made


def all_figures(found: Bridges) -> dict[str, str]:
    """SVG texts by file name."""
    with plot_style():
        made = {plot.name: svg_text(plot.figure) for plot in _plots(found)}
    return {**made, **{name: case_figure(found.schemes, metric, title) for name, metric, title in _schemes(found)}}


def _plots(found: Bridges) -> Iterator[Plot]:
    for model in found.models:
        known = found.of(model)
        yield _plot("ranges", "ranges", model, "ranges of each channel", ranges_plot(known))
        yield _plot("granularity", "sqnr", model, "SQNR layer-wise and channel-wise", sqnr_plot(known))
        counted = [each for each in found.granularity if each.model == model]
        if counted:
            title = "real and quantized values, layer-wise and channel-wise"
            yield _plot("granularity", "histograms", model, title, histograms_plot(counted))
        yield _plot("zero points", "zero_points", model, "zero points wanted", zero_points_plot(known))
        counted = [each for each in found.overflow if each.model == model]
        if counted:
            title = "real and quantized values with a wide and a clamped zero point"
            yield _plot("zero points", "overflow", model, title, histograms_plot(counted))
    if any(row.accuracy.figures is not None for row in found.zero_points):
        title = "SQNR of the logits with wide and clamped zero points"
        yield Plot("end to end", "bridges_end_to_end.svg", title, end_to_end_plot(found.zero_points, title))


def _plot(topic: str, name: str, model: str, title: str, figure: Figure) -> Plot:
    figure.suptitle(f"{model}: {title}", fontsize=8)
    return Plot(topic, f"bridges_{name}_{model}.svg", f"{model}: {title}", figure)


def _schemes(found: Bridges) -> list[tuple[str, str, str]]:
    """File name, metric and title."""
    if not any(row.figures is not None for row in found.schemes):
        return []
    return [(f"bridges_schemes_{metric}.svg", metric, SCHEME_TITLE) for metric in ("sqnr", "agreement")]
