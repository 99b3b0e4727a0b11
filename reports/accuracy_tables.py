"""Accuracy as tables: methods x models for each metric, orderings, refusals; for the terminal and for a page."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bittrue.reports.accuracy_data import Accuracy, AccuracyRow, Arithmetic, Figures, Interval, Ordering
from bittrue.reports.page_tables import markdown

COMMAND = "bittrue bench accuracy"
"""In the markers of a page."""


@dataclass(frozen=True)
class Metric:
    """One number of a case, as a table shows it."""

    title: str
    value: Callable[[Figures], float | None]
    show: Callable[[float], str]


def _fixed(digits: int) -> Callable[[float], str]:
    return lambda value: f"{value:.{digits}f}"


METRICS: dict[str, Metric] = {
    "agreement": Metric("top-1 agreement with the float model, %", lambda f: 100 * f.agreement, _fixed(2)),
    "sqnr": Metric("SQNR of the logits, dB", lambda f: f.sqnr_db, _fixed(2)),
    "kl": Metric("KL divergence of the class probabilities, nats", lambda f: f.kl_nats, lambda v: f"{v:.3g}"),
    "top1": Metric("top-1, %", lambda f: None if f.top1 is None else 100 * f.top1, _fixed(2)),
    "drop": Metric("top-1 drop, points", lambda f: f.drop_points, _fixed(2)),
    "calibration": Metric("calibration, s", lambda f: f.calibration_s, _fixed(1)),
    "memory": Metric(
        "peak memory while calibrating, GB",
        lambda f: None if f.peak_memory_bytes is None else f.peak_memory_bytes / 1e9,
        _fixed(2),
    ),
}


@dataclass(frozen=True)
class Table:
    """Text in lines."""

    title: str
    columns: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        assert all(len(line) == len(self.columns) for line in self.lines), self.title


NAMES: Mapping[tuple[str, Arithmetic], str] = {
    ("1", "partial"): "table 1",
    ("2", "integer"): "table 2",
    ("3", "partial"): "table 3 partially quantized",
    ("3", "integer"): "table 3 integers",
}
TITLES: Mapping[tuple[str, Arithmetic], str] = {
    ("1", "partial"): "Table 1: partially quantized (softmax, norms, additions and activation functions in float)",
    ("2", "integer"): "Table 2: fully quantized, integers",
    ("3", "partial"): "Table 3: ablation, partially quantized",
    ("3", "integer"): "Table 3: ablation, integers",
}


def table_names(places: Iterable[tuple[str, Arithmetic]]) -> tuple[str, ...]:
    """The names in a page's markers of all tables that come of some places."""
    names = [NAMES[place] for place in sorted(places)]
    return (*(f"{name}, {part}" for name in names for part in (*METRICS, "orderings")), "refused")


def all_tables(accuracy: Accuracy) -> dict[str, Table]:
    """Every table by the name in a page's markers."""
    found: dict[str, Table] = {}
    for place in accuracy.tables():
        for metric in METRICS:
            found[f"{NAMES[place]}, {metric}"] = grid(accuracy.of(*place), metric, TITLES[place])
        found[f"{NAMES[place]}, orderings"] = orderings_table(accuracy, *place)
    found["refused"] = refused_table(accuracy)
    return found


def grid(rows: Sequence[AccuracyRow], metric: str, title: str) -> Table:
    """A line for each method and bits, a column for each model; mean and, over several seeds, standard deviation."""
    shown = METRICS[metric]
    models = tuple(dict.fromkeys(row.model for row in rows))
    columns = ("bits", "residual", "method", *models, *(("mean",) if len(models) > 1 else ()), "seeds", "images")
    lines = [_float_line(rows, models)] if metric == "top1" else []
    for place in _places(rows):
        line = [row for row in rows if (row.bits, row.residual_bits, row.name) == place]
        cells = [_cell([row for row in line if row.model == model], shown) for model in models]
        mean = (_mean_cell(line, models, shown),) if len(models) > 1 else ()
        # Partially quantized networks add in float.
        residual = "float" if line[0].arithmetic == "partial" else str(place[1])
        seeds = str(len({row.seed for row in line}))
        lines.append((place[0], residual, place[2], *cells, *mean, seeds, _images(line)))
    return Table(f"{title}: {shown.title}", columns, tuple(lines))


def _places(rows: Sequence[AccuracyRow]) -> list[tuple[str, int, str]]:
    """Bits, residual bits and method of each line: bits in the order of their first row, methods as they come."""
    found = list(dict.fromkeys((row.bits, row.residual_bits, row.name) for row in rows))
    order = list(dict.fromkeys(place[:2] for place in found))
    return sorted(found, key=lambda place: order.index(place[:2]))


def _cell(rows: Sequence[AccuracyRow], metric: Metric) -> str:
    """Of one model, over seeds."""
    if not rows:
        return "-"
    if any(row.figures is None for row in rows):
        return "refused"
    return _spread([metric.value(row.figures) for row in rows if row.figures is not None], metric)


def _mean_cell(rows: Sequence[AccuracyRow], models: Sequence[str], metric: Metric) -> str:
    """The mean over models of each seed, over seeds; only where every model has every seed."""
    means: list[float | None] = []
    for seed in dict.fromkeys(row.seed for row in rows):
        values = [metric.value(row.figures) for row in rows if row.seed == seed and row.figures is not None]
        known = [value for value in values if value is not None]
        if len(known) < len(models):
            return "-"
        means.append(statistics.fmean(known))
    return _spread(means, metric)


def _spread(values: Sequence[float | None], metric: Metric) -> str:
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return "-"
    mean = metric.show(statistics.fmean(known))
    return mean if len(known) == 1 else f"{mean} ± {metric.show(statistics.stdev(known))}"


def _float_line(rows: Sequence[AccuracyRow], models: Sequence[str]) -> tuple[str, ...]:
    """The float models on the most images that any method saw."""
    cells, images = [], []
    for model in models:
        known = [row for row in rows if row.model == model and row.figures is not None]
        widest = max(known, key=lambda row: row.images, default=None)
        top1 = None if widest is None or widest.figures is None else widest.figures.float_top1
        cells.append("-" if top1 is None else f"{100 * top1:.2f}")
        images += [] if widest is None else [widest]
    mean = ("-" if "-" in cells else f"{statistics.fmean(map(float, cells)):.2f}",) if len(models) > 1 else ()
    return ("float", "-", "-", *cells, *mean, "-", _images(images))


def _images(rows: Sequence[AccuracyRow]) -> str:
    return ", ".join(f"{count:,}" for count in sorted({row.images for row in rows})) or "-"


def orderings_table(accuracy: Accuracy, table: str, arithmetic: Arithmetic) -> Table:
    """Differences with their intervals, and what they allow to say."""
    found = [each for each in accuracy.orderings if (each.table, each.arithmetic) == (table, arithmetic)]
    return differences(found, TITLES[table, arithmetic])


def differences(found: Sequence[Ordering], title: str) -> Table:
    """A line for each pair."""
    lines = tuple(
        (
            each.model,
            each.bits,
            str(each.residual_bits),
            str(each.seed),
            f"{each.images:,}",
            _pair(each),
            interval_text(each.sqnr_db),
            said(each.sqnr_db),
            interval_text(each.agreement_points),
            said(each.agreement_points),
        )
        for each in found
    )
    columns = (
        "model", "bits", "residual", "seed", "images", "methods",
        "SQNR, dB", "by SQNR", "agreement, points", "by agreement",
    )  # fmt: skip
    return Table(f"{title}: differences, 95 % intervals of the paired bootstrap", columns, lines)


def _pair(each: Ordering) -> str:
    """What is compared; of two steps of one method, the steps."""
    (first, _, later), (second, _, earlier) = each.first.partition(" "), each.second.partition(" ")
    return f"{later} - {earlier}" if first == second and later and earlier else f"{each.first} - {each.second}"


def interval_text(interval: Interval) -> str:
    """A difference with its ends."""
    return f"{interval.difference:+.2f} [{interval.low:+.2f}, {interval.high:+.2f}]"


def said(interval: Interval) -> str:
    """What a difference allows to say of the first."""
    return {1: "ahead", -1: "behind", 0: "unclear"}[interval.sign]


def refused_table(accuracy: Accuracy) -> Table:
    """The cases without figures, a line for each reason."""
    lines = tuple(
        (NAMES[row.table, row.arithmetic], row.model, row.bits, str(row.residual_bits), row.name, row.refused)
        for row in accuracy.rows
        if row.figures is None
    )
    columns = ("table", "model", "bits", "residual", "method", "why")
    return Table("Refused", columns, tuple(dict.fromkeys(lines)))


def page_text(table: Table) -> str:
    """A table as Markdown; a sentence where it has no lines."""
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in table.lines]
    return markdown(table.columns, cells) if cells else "None.\n"


def document(accuracy: Accuracy) -> str:
    """All tables as one Markdown file."""
    parts = [f"## {table.title}\n\n{page_text(table)}" for table in all_tables(accuracy).values()]
    return "# Accuracy of quantized networks\n\n" + "\n".join(parts)


def csv_text(records: Sequence[Mapping[str, object]]) -> str:
    """Flat records as CSV."""
    buffer = io.StringIO()
    if records:
        writer = csv.DictWriter(buffer, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
    return buffer.getvalue()
