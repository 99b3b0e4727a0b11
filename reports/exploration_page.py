"""One self-contained HTML page of a study: plotly.js stands in it, and nothing is fetched.

Hover over a point: its design. Click it: the command that measures it again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files

import plotly.graph_objects as go
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from bittrue.reports.accuracy_tables import Table
from bittrue.reports.exploration_data import PointRow, StudyData, shown
from bittrue.reports.exploration_figures import place_on
from bittrue.reports.exploration_sensitivity import Sensitivity
from bittrue.reports.exploration_tables import pareto_table, ruled_out_table, sensitivity_table, throughput_table

ON_CLICK = """
document.getElementById("{plot_id}").on("plotly_click", function (clicked) {
  var point = clicked.points[0].customdata;
  if (point) { showCommand(point); }
});
"""
BUTTONS = [["toImage", "zoom2d", "pan2d", "resetScale2d"]]
"""None of those that send data anywhere."""
FRONT, POINT, BROKEN = "#d55e00", "#0072b2", "#b8bec6"


def study_page(study: StudyData, sentences: Sequence[str], sensitivity: Sequence[Sensitivity]) -> str:
    """The page as HTML text; equal data give equal bytes (with equal versions of plotly and Jinja)."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("bittrue.reports").joinpath("exploration_page.html").read_text("utf-8"))
    tables: list[Table] = [
        pareto_table(study),
        sensitivity_table(study, sensitivity),
        ruled_out_table(study),
        throughput_table(study),
    ]
    return template.render(
        study=study,
        sentences=sentences,
        plot=Markup(_pareto_plot(study)),
        parallel=Markup(_parallel(study)),
        tables=[table for table in tables if table.lines],
        command=json.dumps(study.command).replace("<", "\\u003c"),
        states={state: sum(row.state == state for row in study.rows) for state in ("done", "ruled_out", "error")},
        front=len(study.pareto()),
    )


def _pareto_plot(study: StudyData) -> str:
    """The first objective against the second; of a study with one objective, against its first knob."""
    y, *rest = study.objectives
    x = rest[0] if rest else study.axes[0].name
    front = {row.digest for row in study.pareto()}
    figure = go.Figure()
    for name, colour, rows in (
        ("breaks a constraint", BROKEN, [row for row in study.done() if not study.keeps(row.figures)]),
        ("measured", POINT, [row for row in study.allowed() if row.digest not in front]),
        ("Pareto set", FRONT, list(study.pareto())),
    ):
        if rows:
            figure.add_trace(
                go.Scatter(
                    x=[_place(study, row, x) for row in rows],
                    y=[_place(study, row, y) for row in rows],
                    mode="markers",
                    name=name,
                    marker={"color": colour, "size": 9 if colour == FRONT else 7},
                    customdata=[row.digest for row in rows],
                    hovertext=[_hover(study, row) for row in rows],
                    hoverinfo="text",
                )
            )
    figure.update_layout(template="plotly_white", xaxis_title=x, yaxis_title=y, height=460, margin={"t": 20, "r": 10})
    return str(
        figure.to_html(
            full_html=False, include_plotlyjs=True, include_mathjax=False, div_id="front",
            post_script=ON_CLICK, config={"displaylogo": False, "responsive": True, "modeBarButtons": BUTTONS},
        )
    )  # fmt: skip


def _parallel(study: StudyData) -> str:
    """Every knob and objective as an axis, a line a point."""
    rows = study.done()
    if not rows:
        return ""
    dimensions: list[dict[str, object]] = []
    for axis in study.axes:
        dimension: dict[str, object] = {
            "label": axis.short, "values": [place_on(axis, row.knobs[axis.name]) for row in rows]
        }  # fmt: skip
        if not axis.numeric:
            dimension |= {"tickvals": list(range(len(axis.labels))), "ticktext": [str(label) for label in axis.labels]}
        dimensions.append(dimension)
    dimensions += [{"label": name, "values": [row.figures[name] for row in rows]} for name in study.objectives]
    first = next(iter(study.objectives))
    line = {"color": [row.figures[first] for row in rows], "colorscale": "Viridis", "showscale": True}
    figure = go.Figure(go.Parcoords(line=line, dimensions=dimensions))
    figure.update_layout(template="plotly_white", height=420, margin={"l": 90, "r": 40})
    return str(
        figure.to_html(full_html=False, include_plotlyjs=False, include_mathjax=False, div_id="parallel",
                       config={"displayModeBar": False, "responsive": True})
    )  # fmt: skip


def _place(study: StudyData, row: PointRow, name: str) -> float:
    axis = study.axis(name)
    return row.figures[name] if axis is None else place_on(axis, row.knobs[name])


def _hover(study: StudyData, row: PointRow) -> str:
    lines = [f"<b>{row.name}</b>"]
    lines += [f"{escape(axis.short)}: {escape(shown(row.knobs[axis.name]))}" for axis in study.axes]
    lines += [f"{name}: {shown(float(row.figures[name]))}" for name in study.objectives]
    return "<br>".join(lines)
