"""perturbation as tables and sentences: estimate against truth, by kind of layer and size of the error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from bittrue.reports.accuracy_tables import Table
from bittrue.reports.study import StudyReport
from bittrue.reports.study_perturbation_data import KINDS, LOSSES, PerturbationRow
from bittrue.reports.study_perturbation_figures import ratio_figure, scatter_figure
from bittrue.reports.study_statistics import median, spearman

ALL = "all"
TENSORS_MIN = 3
"""Of a correlation; fewer rank too easily."""
FAITHFUL = 1.25
"""A ratio within this factor of 1 counts as following."""
Cell = Callable[[Sequence[PerturbationRow]], str]


def perturbation_report(rows: Sequence[PerturbationRow]) -> StudyReport:
    """Tables have a line for each model, bits and kind, and a column for each factor."""
    tables: dict[str, Table] = {}
    for loss, name in LOSSES.items():
        usable = [row for row in rows if row.loss(loss).above_rounding]
        for part, (title, cell) in PARTS.items():
            tables[f"{loss}, {part}"] = _grid(usable, f"{name}: {title}", partial(cell, loss))
    certain = [row for row in rows if row.kl.above_rounding]
    tables["cross entropy"] = _grid(
        certain, "Cross entropy of the model's own class: size of its change / estimate (share of falls, %)", _signed
    )
    tables["drawn labels"] = _drawn_labels(certain)
    return StudyReport(
        tables=tables,
        found=tuple(sentence for group in _groups(rows) for sentence in _found(group)),
        figures={
            "study_perturbation_ratio.svg": ratio_figure(rows),
            "study_perturbation_scatter.svg": scatter_figure(rows),
        },
        records={"perturbation": [row.record() for row in rows]},
    )


def _groups(rows: Sequence[PerturbationRow]) -> list[list[PerturbationRow]]:
    """Rows of one model and bits."""
    found: dict[tuple[str, str], list[PerturbationRow]] = {}
    for row in rows:
        found.setdefault((row.model, row.bits), []).append(row)
    return list(found.values())


def of_kind(rows: Sequence[PerturbationRow], kind: str) -> list[PerturbationRow]:
    """Rows of one of KINDS, or of ALL."""
    return [row for row in rows if kind in (ALL, *row.kinds)]


def _grid(rows: Sequence[PerturbationRow], title: str, cell: Cell) -> Table:
    factors = sorted({row.factor for row in rows})
    lines = []
    for group in _groups(rows):
        for kind in (ALL, *KINDS):
            some = of_kind(group, kind)
            if some:
                cells = [cell([row for row in some if row.factor == factor]) for factor in factors]
                tensors = str(len({row.tensor for row in some}))
                lines.append((group[0].model, group[0].bits, kind, tensors, *cells))
    columns = ("model", "bits", "layer kind", "tensors", *(f"{factor:g}x" for factor in factors))
    return Table(f"Perturbation: {title}", columns, tuple(lines))


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _correlation(rows: Sequence[PerturbationRow], loss: str) -> float:
    if len(rows) < TENSORS_MIN:
        return math.nan
    return spearman([row.loss(loss).diagonal for row in rows], [row.loss(loss).true for row in rows])


def _ratios(loss: str, rows: Sequence[PerturbationRow]) -> str:
    diagonal, full = (median([getattr(row.loss(loss), name) for row in rows]) for name in ("ratio", "full_ratio"))
    return "-" if math.isnan(diagonal) else f"{diagonal:.2f} ({full:.2f})"


def _ranked(loss: str, rows: Sequence[PerturbationRow]) -> str:
    return _number(_correlation(rows, loss))


def _over_images(loss: str, rows: Sequence[PerturbationRow]) -> str:
    return _number(median([row.loss(loss).image_correlation for row in rows]))


PARTS: Mapping[str, tuple[str, Callable[[str, Sequence[PerturbationRow]], str]]] = {
    "correlation": ("rank correlation of estimate and truth over tensors", _ranked),
    "ratio": ("median of estimate / truth (with off-diagonal terms)", _ratios),
    "over images": ("rank correlation over images, median over tensors", _over_images),
}
"""Tables of each loss: title, and what a cell says of its rows."""
TABLES = (*(f"{loss}, {part}" for loss in LOSSES for part in PARTS), "cross entropy", "drawn labels")


def _signed(rows: Sequence[PerturbationRow]) -> str:
    if not rows:
        return "-"
    falls = sum(row.cross_entropy < 0 for row in rows) / len(rows)
    return f"{_change(rows):.3g} ({100 * falls:.0f})"


def _change(rows: Sequence[PerturbationRow]) -> float:
    """Median size of the change of the cross entropy of the model's own class, over the estimate of second order."""
    return median([abs(row.cross_entropy) / row.kl.diagonal for row in rows if row.kl.diagonal])


def _drawn_labels(rows: Sequence[PerturbationRow]) -> Table:
    """At the factor nearest 1: both estimates have the same square of it."""
    near = _nearest([row.factor for row in rows])
    lines = []
    for group in _groups([row for row in rows if row.factor == near]):
        for kind in (ALL, *KINDS):
            some = of_kind(group, kind)
            if len(some) >= TENSORS_MIN:
                ratios = [row.drawn / row.kl.diagonal for row in some if row.kl.diagonal]
                true = [row.kl.true for row in some]
                ranks = (
                    spearman([row.kl.diagonal for row in some], true), spearman([row.drawn for row in some], true)
                )  # fmt: skip
                place = (group[0].model, group[0].bits, kind, str(len(some)))
                lines.append((*place, _number(median(ratios)), *map(_number, ranks)))
    columns = (
        "model", "bits", "layer kind", "tensors", "drawn / expected, median", "rank correlation, expected",
        "rank correlation, drawn",
    )  # fmt: skip
    title = f"Perturbation: KL divergence estimated by one drawn label an image, and in expectation, at {near:g}x"
    return Table(title, columns, tuple(lines))


def _nearest(factors: Sequence[float]) -> float:
    """To 1."""
    return min(factors, key=lambda factor: abs(factor - 1), default=1.0)


def _found(rows: Sequence[PerturbationRow]) -> list[str]:
    """Of one model and bits a sentence for each loss, and one about the sign."""
    place = f"{rows[0].model}, {rows[0].bits} ({rows[0].images:,} images)"
    sentences = [
        f"{place}, {name}, {_said(usable, loss)}"
        for loss, name in LOSSES.items()
        if (usable := [row for row in rows if row.loss(loss).above_rounding])
    ]
    known = [row for row in rows if row.kl.above_rounding]
    if known:
        factors = sorted({row.factor for row in known})
        sizes = [f"{_change([row for row in known if row.factor == f]):.3g} at {f:g}x" for f in factors]
        falls = sum(row.cross_entropy < 0 for row in known) / len(known)
        sentences.append(
            f"{place}: the cross entropy of the model's own class changes by {', '.join(sizes)} times the estimate "
            f"(median), and falls in {100 * falls:.0f} % of {len(known)} perturbations."
        )
    return sentences


def _said(rows: Sequence[PerturbationRow], loss: str) -> str:
    """How well the estimate ranks tensors, how large it is, and for which kind it is worst."""
    factors = sorted({row.factor for row in rows})
    at = {factor: [row for row in rows if row.factor == factor] for factor in factors}
    least, near, most = factors[0], _nearest(factors), factors[-1]
    ranks = {f: _number(_correlation(at[f], loss)) for f in factors}
    ratio = {f: median([row.loss(loss).ratio for row in at[f]]) for f in factors}
    full = {f: median([row.loss(loss).full_ratio for row in at[f]]) for f in factors}
    apart = [f"{f:g}x" for f in factors if not 1 / FAITHFUL <= full[f] <= FAITHFUL]
    where = f"off by more than {FAITHFUL:g} times at {', '.join(apart)}" if apart else "near 1 throughout"
    kind, far = _farthest(at[near], loss)
    weights, tensors = (
        median([row.loss(loss).ratio for row in at[near] if row.tensor.endswith("/weight") == is_weight])
        for is_weight in (True, False)
    )
    return (
        f"{len(at[near])} tensors and weights: rank correlation over them {ranks[least]} at {least:g}x, {ranks[near]} "
        f"at {near:g}x, {ranks[most]} at {most:g}x. The diagonal estimate is {ratio[near]:.2f} times the truth at "
        f"{near:g}x ({ratio[least]:.2f} at {least:g}x, {ratio[most]:.2f} at {most:g}x), {weights:.2f} for weights and "
        f"{tensors:.2f} for tensors, most wrong for {kind} ({far:.2f}); with off-diagonal terms "
        f"it is {full[near]:.2f} times at {near:g}x, {where}."
    )


def _farthest(rows: Sequence[PerturbationRow], loss: str) -> tuple[str, float]:
    """The kind whose median ratio is farthest from 1, by its logarithm."""
    found = {kind: median([row.loss(loss).ratio for row in of_kind(rows, kind)]) for kind in KINDS}
    known = {kind: ratio for kind, ratio in found.items() if ratio > 0}
    return max(known.items(), key=lambda item: abs(math.log(item[1])), default=("none", math.nan))
