"""The 2^3 design of bridge, granularity and scheme: gains, interactions and factorial effects, with their intervals.

Intervals are those of workflow/accuracy/bootstrap.py: images are drawn with replacement, all networks see the same
draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray

from bittrue.reports.accuracy_data import Interval
from bittrue.reports.study_synergy_data import COMBINATIONS, NONE, OPTIONS, WHOLE, Combination, Effects
from bittrue.workflow.accuracy.bootstrap import LEVEL, RESAMPLES, SEED, resampled_sums
from bittrue.workflow.accuracy.measure import PerImage

Draws = NDArray[np.float64]
"""A number for the images as they are, and then for each draw of them: [1 + resamples]."""
Measured = Mapping[Combination, Sequence[PerImage]]
"""For every combination its networks by seed, all on the same images."""


def effects(model: str, bits: str, networks: Measured, *, resamples: int = RESAMPLES) -> tuple[Effects, ...]:
    """All effects on all responses."""
    seeds = len(networks[NONE])
    images = len(networks[NONE][0])
    responses = _responses(networks, resamples)
    return tuple(
        Effects(
            *(model, bits, response, seeds, images),
            terms={key: interval_of(term(y, key)) for key in COMBINATIONS[1:]},
            factorial={key: interval_of(_factorial(y, key)) for key in COMBINATIONS[1:]},
            whole=interval_of(y[WHOLE] - y[NONE]),
            parts=interval_of(_parts(y)),
            excess=interval_of(excess(y)),
        )
        for response, y in responses.items()
    )


def term(y: Mapping[Combination, Draws], options: Combination) -> Draws:
    """What some options bring together beyond what fewer of them bring: inclusion and exclusion over the subsets."""
    return np.asarray(sum((-1) ** (len(options) - len(some)) * y[some] for some in _subsets(options)))


def excess(y: Mapping[Combination, Draws]) -> Draws:
    """What all options bring together, less what they bring alone: all terms of two and three options."""
    return np.asarray(y[WHOLE] - y[NONE] - _parts(y))


def sums_by_draw(columns: NDArray[np.float64], resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """Sums of columns [images, n] over the images as they are, and then over each draw: [1 + resamples, n]."""
    return np.concatenate([columns.sum(axis=0)[None], resampled_sums(columns, resamples, SEED)])


def interval_of(found: Draws) -> Interval:
    """The first number, with the percentile interval of the others."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(found[1:], (tail, 1 - tail), method="inverted_cdf")
    return Interval(float(found[0]), float(low), float(high))


def _parts(y: Mapping[Combination, Draws]) -> Draws:
    return np.asarray(sum(term(y, frozenset([name])) for name in OPTIONS))


def _factorial(y: Mapping[Combination, Draws], options: Combination) -> Draws:
    """Mean where an even number of the options is off, less the mean where an odd number is."""
    signed = [(-1) ** len(options - some) * y[some] for some in COMBINATIONS]
    return np.asarray(sum(signed) / (len(COMBINATIONS) / 2))


def _subsets(options: Combination) -> list[Combination]:
    names = sorted(options)
    return [frozenset(some) for some in chain.from_iterable(combinations(names, n) for n in range(len(names) + 1))]


def _responses(networks: Measured, resamples: int) -> dict[str, dict[Combination, Draws]]:
    """RESPONSES of every combination: means over seeds."""
    keys, seeds, images = list(networks), len(networks[NONE]), len(networks[NONE][0])
    columns = np.stack(
        [column for key in keys for each in networks[key] for column in (each.noise, each.agreed.astype(np.float64))],
        axis=1,
    )
    sums = sums_by_draw(columns, resamples).reshape(-1, len(keys), seeds, 2)
    noise = {key: sums[:, at, :, 0] for at, key in enumerate(keys)}
    agreed = {key: sums[:, at, :, 1] for at, key in enumerate(keys)}
    # The signal is the same for all and drops out of every difference of SQNRs.
    return {
        "sqnr": {key: -10 * np.log10(noise[key]).mean(axis=1) for key in keys},
        "noise": {key: -100 * (noise[key] / noise[NONE]).mean(axis=1) for key in keys},
        "agreement": {key: 100 * agreed[key].mean(axis=1) / images for key in keys},
    }
