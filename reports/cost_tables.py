"""Comparisons of cost models as tables of ratios (ours over theirs)."""

from __future__ import annotations

from collections.abc import Sequence

from bittrue.reports.cost_data import CostComparison, CostPoint, LeftOut, geometric_error
from bittrue.reports.page_tables import markdown

COMMAND = "bittrue bench cost"
OUTLIER = 1.25
"""A ratio beyond this, either way, is listed by itself."""
SUMMARY = ("machine", "quantity", "op", "layers", "geometric-mean error", "least ratio", "greatest ratio")
TABLES = {
    "scale-sim": "scale-sim",
    "scale-sim tool": "scale-sim tool",
    "vela": "vela",
    "zigzag": "zigzag",
    "rtl": "rtl",
}
"""By the name of a peer, the name of its table on the page."""


def page_parts(found: CostComparison) -> dict[str, str]:
    """What stands between the markers, by name; only of peers that were compared."""
    parts = {}
    for peer, table in TABLES.items():
        points = found.of(peer)
        if points:
            left = [item for item in found.left_out if item.peer == peer]
            parts[table] = markdown(SUMMARY, summary(points)) + not_scored(left)
    vela = found.of("vela")
    if vela:
        parts["vela outliers"] = markdown(OUTLIERS, outliers(vela))
    return parts


OUTLIERS = ("machine", "layer", "Vela, its longest part", "bittrue, its parts", "ratio")


def summary(points: Sequence[CostPoint]) -> list[tuple[str, ...]]:
    """A line for each machine, quantity and group, and one for all of a machine's."""
    lines = []
    for machine in dict.fromkeys(point.machine for point in points):
        for quantity in dict.fromkeys(point.quantity for point in points):
            ours = [point for point in points if (point.machine, point.quantity) == (machine, quantity)]
            groups = list(dict.fromkeys(point.group for point in ours if not point.drawn))
            for group in groups:
                lines.append(_line(machine, quantity, group, [p for p in ours if p.group == group and not p.drawn]))
            drawn = [point for point in ours if point.drawn]
            if drawn:
                lines.append(_line(machine, quantity, "shapes drawn at random", drawn))
            if len(groups) > 1:
                lines.append(_line(machine, quantity, "**all**", ours))
    return lines


def _line(machine: str, quantity: str, group: str, points: Sequence[CostPoint]) -> tuple[str, ...]:
    ratios = [point.ratio for point in points]
    error = geometric_error(ratios)
    share = "none" if all(ratio == 1 for ratio in ratios) else f"{100 * (error - 1):.1f} %"
    return (machine, quantity, group, f"{len(points)}", share, f"{min(ratios):.3f}", f"{max(ratios):.3f}")


def outliers(points: Sequence[CostPoint]) -> list[tuple[str, ...]]:
    """Every point whose ratio is beyond OUTLIER, the worst first."""
    found = [point for point in points if not 1 / OUTLIER <= point.ratio <= OUTLIER]
    found.sort(key=lambda point: -geometric_error([point.ratio]))
    return [(point.machine, point.layer, point.their_parts, point.our_parts, f"{point.ratio:.2f}") for point in found]


def not_scored(items: Sequence[LeftOut]) -> str:
    """What a peer does not cost, as a sentence; nothing where it costs all."""
    if not items:
        return ""
    listed = "; ".join(f"{item.layer} on {item.machine} ({item.why})" for item in items)
    return f"\nNot scored: {listed}.\n"
