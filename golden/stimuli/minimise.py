"""The smallest set that still closes what a larger one closes: greedy cover, then whatever became superfluous goes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.coverage import Coverage, Run
from bittrue.spec.vectors import Stimuli

Masks = NDArray[np.bool_]


def minimise(coverage: Coverage, sets: Sequence[Stimuli], run: Run) -> tuple[Stimuli, ...]:
    """Vectors of the sets, as few as greed finds, that reach every bin that the sets reach.

    Order and constants stay; sets of which nothing is needed are left out. A bin may be about a vector and the
    one in front of it (a row after a higher one): where leaving vectors out loses it, the pair is taken back.
    """
    results = [run(found) for found in sets]
    whole = [coverage.hits(found, made) for found, made in zip(sets, results, strict=True)]
    names = [bin_.name for bin_ in coverage.bins if any(hits[bin_.name].any() for hits in whole)]
    matrix = np.concatenate([np.stack([hits[name] for name in names], axis=1) for hits in whole])
    owner = np.repeat(np.arange(len(sets)), [found.vectors for found in sets])
    first = np.concatenate([[0], np.cumsum([found.vectors for found in sets])])
    chosen = cover(matrix)
    for _ in range(len(matrix)):
        lost = np.ones(len(names), bool)
        for index, found in enumerate(sets):
            part = chosen[owner == index]
            if part.any():
                some = np.flatnonzero(part)
                hits = coverage.hits(found.take(some), {name: made[some] for name, made in results[index].items()})
                lost &= ~np.array([hits[name].any() for name in names])
        if not lost.any():
            break
        vector = int(np.flatnonzero(matrix[:, int(np.flatnonzero(lost)[0])])[0])
        chosen[max(vector - 1, first[owner[vector]]) : vector + 1] = True
    return tuple(
        found.take(np.flatnonzero(chosen[owner == index]))
        for index, found in enumerate(sets)
        if chosen[owner == index].any()
    )


def cover(matrix: Masks) -> Masks:
    """[vectors]: a choice of rows of a [vectors, bins] matrix that reaches every bin that any row reaches.

    Each step takes the row that reaches most of what is missing, the first of equals; then, from the row that was taken
    first, each goes whose bins the others reach.
    """
    missing = matrix.any(axis=0)
    order: list[int] = []
    while missing.any():
        best = int((matrix & missing).sum(axis=1).argmax())
        order.append(best)
        missing &= ~matrix[best]
    chosen = np.zeros(len(matrix), bool)
    chosen[order] = True
    times = matrix[chosen].sum(axis=0)
    for row in order:
        if (times[matrix[row]] > 1).all():
            chosen[row] = False
            times -= matrix[row]
    return chosen
