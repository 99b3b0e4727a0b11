"""Paired bootstrap over images: by how much one network is ahead of another, and how sure that is.

The percentile interval (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13) of a difference:
images are drawn with replacement, and both networks see the same draw. All networks of a comparison share the
draws, so that a pair costs nothing beyond its networks; scipy.stats.bootstrap would draw anew for each pair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from bittrue.reports.accuracy_data import Interval
from bittrue.workflow.accuracy.measure import PerImage

RESAMPLES = 10_000
SEED = 20_230_312
LEVEL = 0.95
_VALUES = 1 << 20
"""Images drawn at once."""


class Paired:
    """Networks on the same images, by name, and their sums over the same draws of images."""

    def __init__(self, networks: Mapping[str, PerImage], *, resamples: int = RESAMPLES, seed: int = SEED) -> None:
        columns = np.stack(
            [column for each in networks.values() for column in (each.noise, each.agreed.astype(np.float64))], axis=1
        )
        self.count = len(columns)
        sums = np.concatenate([columns.sum(axis=0)[None], resampled_sums(columns, resamples, seed)])
        self._sums = {name: sums[:, 2 * at : 2 * at + 2] for at, name in enumerate(networks)}

    def sqnr_db(self, first: str, second: str) -> Interval:
        """Pooled SQNR of the first less that of the second; the signal is the same and drops out."""
        return self._interval(first, second, lambda sums: -_decibel(sums[:, 0]))

    def agreement_points(self, first: str, second: str) -> Interval:
        """Agreement with the float model of the first less that of the second, in percentage points."""
        return self._interval(first, second, lambda sums: 100 * sums[:, 1] / self.count)

    def _interval(self, first: str, second: str, statistic: Callable[[_Sums], NDArray[np.float64]]) -> Interval:
        with np.errstate(invalid="ignore"):
            found = statistic(self._sums[first]) - statistic(self._sums[second])
        found[np.isnan(found)] = 0.0  # both without noise
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(found[1:], (tail, 1 - tail), method="inverted_cdf")
        return Interval(float(found[0]), float(low), float(high))


_Sums = NDArray[np.float64]


def resampled_sums(columns: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Sums of columns [images, n] over draws of as many images with replacement: [resamples, n]."""
    random, count = np.random.default_rng(seed), len(columns)
    block, parts = max(1, _VALUES // count), []
    for first in range(0, resamples, block):
        rows = min(block, resamples - first)
        drawn = random.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        times = np.bincount(drawn.reshape(-1), minlength=rows * count).reshape(rows, count)
        parts.append(times.astype(np.float64) @ columns)
    return np.concatenate(parts)


def _decibel(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(noise))
