"""Which method is ahead of which: pairs of rows that differ in nothing but the method, judged by the bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bittrue.reports.accuracy_data import AccuracyRow, Ordering
from bittrue.workflow.accuracy.bootstrap import Paired
from bittrue.workflow.accuracy.cases import THOROUGH
from bittrue.workflow.accuracy.measure import PerImage


def orderings(rows: Sequence[AccuracyRow], images: Callable[[AccuracyRow], PerImage]) -> tuple[Ordering, ...]:
    """Every pair worth a judgement, on the images that all rows of its group have seen; images: of single rows."""
    groups: dict[tuple[object, ...], list[AccuracyRow]] = {}
    for row in rows:
        if row.figures is not None:
            place = (row.table, row.arithmetic, row.model, row.bits, row.residual_bits, row.seed)
            groups.setdefault(place, []).append(row)
    return tuple(ordering for group in groups.values() for ordering in _within(group, images))


def _within(group: Sequence[AccuracyRow], images: Callable[[AccuracyRow], PerImage]) -> Iterator[Ordering]:
    pairs = _pairs(group)
    if pairs:
        yield from judged(group, pairs, images)


def judged(
    group: Sequence[AccuracyRow],
    pairs: Sequence[tuple[AccuracyRow, AccuracyRow]],
    images: Callable[[AccuracyRow], PerImage],
) -> Iterator[Ordering]:
    """Pairs of rows of a group, all with figures and with names of their own, on the images that all have seen."""
    count = min(row.images for row in group)
    paired = Paired({row.name: images(row).first(count) for row in group})
    for first, second in pairs:
        yield Ordering(
            table=first.table,
            arithmetic=first.arithmetic,
            model=first.model,
            bits=first.bits,
            residual_bits=first.residual_bits,
            seed=first.seed,
            images=count,
            first=first.name,
            second=second.name,
            sqnr_db=paired.sqnr_db(first.name, second.name),
            agreement_points=paired.agreement_points(first.name, second.name),
        )


def _pairs(group: Sequence[AccuracyRow]) -> list[tuple[AccuracyRow, AccuracyRow]]:
    """Of an ablation each step against the one before; else the thorough methods against all others before them, or,
    where there is none, the last line against the others."""
    if group[0].step:
        return [(later, earlier) for earlier, later in zip(group, group[1:], strict=False)]
    leading = [index for index, row in enumerate(group) if row.method in THOROUGH] or [len(group) - 1]
    return [(group[index], other) for index in leading for other in group[:index]]
