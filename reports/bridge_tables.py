"""Bridge activations as tables, for the terminal and for a page."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from bittrue.reports.accuracy_data import AccuracyRow
from bittrue.reports.accuracy_tables import Table, differences, grid, interval_text, page_text, said
from bittrue.reports.bridge_data import CODE_HIGH, CODE_LOW, Activation, Bridges, ZeroPointRow

COMMAND = "bittrue bench bridges"
"""In the markers of a page."""
TOPICS = {
    "ranges": "activations",
    "granularity": "activations",
    "zero points": "activations",
    "end to end": "zero-points",
    "schemes": "schemes",
}
"""And the part of a run that measures each."""
SECTIONS = tuple(f"{topic}, {part}" for topic in TOPICS for part in ("figures", "findings", "tables"))
"""Names in a page's markers."""
SCHEME_METRICS = ("sqnr", "agreement", "top1")


def tables_of(found: Bridges) -> dict[str, tuple[Table, ...]]:
    """The tables of each topic that have lines; of activations and zero points one a model."""
    looked_at = [(model, found.of(model)) for model in found.models]
    networks = dict.fromkeys(row.accuracy.model for row in found.zero_points)
    made: dict[str, tuple[Table, ...]] = {
        "ranges": tuple(ranges_table(*each) for each in looked_at),
        "granularity": tuple(granularity_table(*each) for each in looked_at),
        "zero points": tuple(zero_point_table(*each) for each in looked_at),
        "end to end": tuple(end_to_end_table(found, model) for model in networks),
        "schemes": (*_scheme_grids(found.schemes), _scheme_differences(found), chosen_table(found)),
    }
    return {topic: tuple(table for table in tables if table.lines) for topic, tables in made.items()}


def ranges_table(model: str, activations: Sequence[Activation]) -> Table:
    """What calibration saw of each activation."""
    lines = tuple(
        (
            each.tensor,
            each.way,
            each.kind,
            str(len(each.channels)),
            f"{each.low:.3g}",
            f"{each.high:.3g}",
            f"{statistics.median(channel.high - channel.low for channel in each.channels):.3g}",
            f"{each.spread:.1f}" if math.isfinite(each.spread) else "-",
        )
        for each in activations
    )
    columns = ("activation", "way", "made by", "channels", "min", "max", "median width", "widest / median")
    return Table(f"{model}: ranges of bridge activations", columns, lines)


def granularity_table(model: str, activations: Sequence[Activation]) -> Table:
    """SQNR with one scale and with a scale a channel, on seen and on new images."""
    lines = tuple(
        (
            each.tensor,
            "yes" if each.free else "no",
            *_granularities(each, seen=True),
            *_granularities(each, seen=False),
            *(decibel(each.fits[name].sqnr_db) for name in ("layer symmetric", "channel symmetric")),
        )
        for each in activations
    )
    columns = (
        "activation", "free", "seen: layer", "channel", "gain", "new: layer", "channel", "gain",
        "symmetric: layer", "channel",
    )  # fmt: skip
    return Table(f"{model}: SQNR of 8-bit bridge activations, dB", columns, lines)


def _granularities(each: Activation, *, seen: bool) -> tuple[str, ...]:
    fits = each.seen if seen else each.fits
    ends = (decibel(fits[name].sqnr_db) for name in ("layer", "channel"))
    return (*ends, f"{each.gain_db('channel', 'layer', seen=seen):+.2f}")


def zero_point_table(model: str, activations: Sequence[Activation]) -> Table:
    """The zero points that activations want, and what a clamped one costs."""
    lines = tuple(
        (
            each.tensor,
            "yes" if each.padded else "no",
            _zero_point(each.zero_point),
            *(decibel(each.fits[name].sqnr_db) for name in ("layer", "layer clamped")),
            f"{len(each.overflowing)} of {len(each.channels)}",
            _farthest(each),
            *(decibel(each.fits[name].sqnr_db) for name in ("channel", "channel clamped", "channel widened")),
            *(percent(each.fits[name].clipped) for name in ("channel", "channel clamped")),
        )
        for each in activations
    )
    columns = (
        "activation", "padded", "layer", "wide", "clamped", "channels past", "farthest", "wide", "clamped", "with 0",
        "clips wide", "clamped",
    )  # fmt: skip
    return Table(f"{model}: zero points that bridge activations want, SQNR in dB, values clipped", columns, lines)


def _zero_point(value: int) -> str:
    return str(value) if CODE_LOW <= value <= CODE_HIGH else f"{value} (past)"


def _farthest(each: Activation) -> str:
    """The zero point that is farthest from 0, of those that are no codes."""
    return str(max((channel.zero_point for channel in each.overflowing), key=abs, default="-"))


def end_to_end_table(found: Bridges, model: str) -> Table:
    """One model with wide and with clamped zero points."""
    rows = [row for row in found.zero_points if row.accuracy.model == model]
    columns = ("plan", "zero points", "tensors past", "zero points past", "SQNR", "against wide", "", "agreement, %")
    images = ", ".join(f"{count:,}" for count in sorted({row.accuracy.images for row in rows}))
    title = f"{model}: logits with wide and with clamped zero points, dB, {images} images"
    return Table(title, columns, tuple(_end_to_end_line(found, row) for row in rows))


def _end_to_end_line(found: Bridges, row: ZeroPointRow) -> tuple[str, ...]:
    past = row.overflow
    counts = ("-", "-")
    if past is not None:
        counts = (
            f"{len(past.counts)} ({len(past.bridges)})",
            f"{past.zero_points} ({past.bridge_zero_points})",
        )
    head = (row.plan, row.zero_points, *counts)
    if row.accuracy.figures is None:
        return (*head, f"refused: {row.accuracy.refused}", "-", "-", "-")
    pairs = [
        each
        for each in found.zero_point_orderings
        if (each.model, each.table, each.first) == (row.accuracy.model, row.plan, row.accuracy.name)
    ]
    against = (interval_text(pairs[0].sqnr_db), said(pairs[0].sqnr_db)) if pairs else ("-", "-")
    figures = row.accuracy.figures
    return (*head, f"{figures.sqnr_db:.2f}", *against, f"{100 * figures.agreement:.2f}")


def _scheme_grids(rows: Sequence[AccuracyRow]) -> tuple[Table, ...]:
    return tuple(grid(rows, metric, "Scheme of bridge activations") for metric in SCHEME_METRICS) if rows else ()


def _scheme_differences(found: Bridges) -> Table:
    return differences(found.scheme_orderings, "Scheme of bridge activations")


def chosen_table(found: Bridges) -> Table:
    """What the search chose, in how many of the seeds."""
    lines = tuple(
        (
            each.model,
            each.bits,
            each.tensor,
            f"{each.schemes.count('symmetric')} of {len(each.schemes)}",
            f"{sum(each.channelwise)} of {len(each.channelwise)}",
        )
        for each in found.chosen
    )
    columns = ("model", "bits", "activation", "symmetric", "scale a channel")
    return Table("What the search chose for bridge activations, seeds", columns, lines)


def decibel(value: float) -> str:
    """Without the unit; "exact" without noise."""
    return "-" if math.isnan(value) else "exact" if math.isinf(value) else f"{value:.2f}"


def percent(share: float) -> str:
    """With the unit."""
    return f"{100 * share:.2f} %"


def document(found: Bridges) -> str:
    """All tables as one Markdown file."""
    tables = [table for tables in tables_of(found).values() for table in tables]
    return "# Bridge activations\n\n" + "\n".join(f"## {table.title}\n\n{page_text(table)}" for table in tables)
