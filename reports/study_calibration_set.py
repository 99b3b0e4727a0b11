"""calibration-set as tables, sentences and a figure: accuracy against the number of calibration images.

A seed's smaller draw is a part of its larger one, so numbers of images are compared seed by seed: the difference is the
mean over seeds of paired differences, its standard error their sample deviation over the root of their number.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bittrue.reports.accuracy_data import AccuracyRow
from bittrue.reports.accuracy_tables import METRICS, Table
from bittrue.reports.study import StudyReport, spread
from bittrue.reports.study_calibration_set_figure import calibration_set_figure

SHOWN = {"agreement": 2, "sqnr": 2, "kl": 5, "drop": 2}
"""Metrics that have a table, and their decimals."""
TABLES = (*SHOWN, "steps")
FIGURE = "study_calibration_set.svg"
CLEAR = 2.0
"""Standard errors from which on a difference is called clear."""


@dataclass(frozen=True)
class Step:
    """From one number of calibration images to another, everything else equal."""

    model: str
    bits: str
    method: str
    fewer: int
    more: int
    seeds: int
    difference: float
    """Of the SQNR, dB: mean over seeds of more less fewer."""
    error: float
    """Its standard error; NaN with one seed."""
    spread_fewer: float
    """Sample deviation of the SQNR over seeds, dB; NaN with one seed."""
    spread_more: float

    @property
    def said(self) -> str:
        """What the seeds allow to say."""
        if math.isnan(self.error):
            return "one seed"
        if abs(self.difference) <= CLEAR * self.error:
            return "unclear"
        return "better" if self.difference > 0 else "worse"


def calibration_set_report(rows: Sequence[AccuracyRow]) -> StudyReport:
    """Rows without figures are refusals, and stand in the CSV alone."""
    known = [row for row in rows if row.figures is not None]
    tables = {metric: _grid(known, metric) for metric in SHOWN}
    return StudyReport(
        tables={**tables, "steps": _steps_table(_all_steps(known))},
        found=_found(known),
        figures={FIGURE: calibration_set_figure(known)},
        records={"calibration_set": [row.record() for row in rows]},
    )


def _lines(rows: Sequence[AccuracyRow]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row.bits, row.method) for row in rows))


def _grid(rows: Sequence[AccuracyRow], metric: str) -> Table:
    models = tuple(dict.fromkeys(row.model for row in rows))
    lines = []
    for bits, method in _lines(rows):
        some = [row for row in rows if (row.bits, row.method) == (bits, method)]
        for count in sorted({row.calibration_images for row in some}):
            each = [row for row in some if row.calibration_images == count]
            cells = [spread(_values([row for row in each if row.model == m], metric), SHOWN[metric]) for m in models]
            seeds, images = len({row.seed for row in each}), max(row.images for row in each)
            lines.append((bits, method, str(count), *cells, str(seeds), f"{images:,}"))
    columns = ("bits", "method", "calibration images", *models, "seeds", "images")
    return Table(f"Calibration set: {METRICS[metric].title}", columns, tuple(lines))


def _values(rows: Sequence[AccuracyRow], metric: str) -> list[float | None]:
    return [METRICS[metric].value(row.figures) for row in rows if row.figures is not None]


def _all_steps(rows: Sequence[AccuracyRow]) -> list[Step]:
    """Each number of images against the next."""
    return [
        _step(some, fewer, more)
        for some in _groups(rows)
        for counts in (sorted({row.calibration_images for row in some}),)
        for fewer, more in zip(counts, counts[1:], strict=False)
    ]


def _groups(rows: Sequence[AccuracyRow]) -> list[list[AccuracyRow]]:
    """Rows of one model, bits and method."""
    found: dict[tuple[str, str, str], list[AccuracyRow]] = {}
    for row in rows:
        found.setdefault((row.model, row.bits, row.method), []).append(row)
    return list(found.values())


def _step(rows: Sequence[AccuracyRow], fewer: int, more: int) -> Step:
    sqnr = {(row.calibration_images, row.seed): row.figures.sqnr_db for row in rows if row.figures is not None}
    seeds = [seed for count, seed in sqnr if count == fewer and (more, seed) in sqnr]
    pairs = [(sqnr[fewer, seed], sqnr[more, seed]) for seed in seeds]
    differences = [after - before for before, after in pairs]
    several = len(pairs) > 1
    deviations = [statistics.stdev(side) for side in zip(*pairs, strict=True)] if several else [math.nan, math.nan]
    return Step(
        *(rows[0].model, rows[0].bits, rows[0].method, fewer, more, len(pairs)),
        difference=statistics.fmean(differences) if differences else math.nan,
        error=statistics.stdev(differences) / math.sqrt(len(differences)) if several else math.nan,
        spread_fewer=deviations[0],
        spread_more=deviations[1],
    )


def _steps_table(steps: Sequence[Step]) -> Table:
    lines = tuple(
        (s.model, s.bits, s.method, f"{s.fewer} to {s.more}", f"{s.difference:+.2f}", f"{s.error:.2f}", s.said)
        for s in steps
    )
    columns = ("model", "bits", "method", "calibration images", "SQNR difference, dB", "standard error", "said")
    return Table("Calibration set: what more images bring", columns, lines)


def _found(rows: Sequence[AccuracyRow]) -> tuple[str, ...]:
    """One sentence for each model, bits and method: from the fewest images to the most."""
    sentences = []
    for some in _groups(rows):
        counts = sorted({row.calibration_images for row in some})
        if len(counts) < 2:
            continue
        whole = _step(some, counts[0], counts[-1])
        if not whole.seeds:
            continue
        enough = next(
            (count for count in counts[:-1] if _step(some, count, counts[-1]).said not in ("better", "one seed")),
            counts[-1],
        )
        change = (
            f"{whole.model}, {whole.bits}, {whole.method}: from {whole.fewer} to {whole.more} calibration images the "
            f"SQNR changes by {whole.difference:+.2f} dB"
        )
        if whole.seeds == 1:
            sentences.append(f"{change} (one seed, so that nothing can be said of its spread).")
            continue
        sentences.append(
            f"{change} (standard error {whole.error:.2f} over {whole.seeds} seeds: {whole.said}), its standard "
            f"deviation over seeds from {whole.spread_fewer:.2f} to {whole.spread_more:.2f} dB; "
            + (
                f"no number below {whole.more} is as good as {whole.more}."
                if enough == counts[-1]
                else f"{enough} images are the fewest that {whole.more} are not clearly better than."
            )
        )
    return tuple(sentences)
