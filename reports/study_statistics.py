"""Statistics that more than one study needs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's rank correlation of two lists, ties having the mean of their ranks; NaN where a list is constant."""
    a, b = (_ranks(np.asarray(values, np.float64)) for values in (x, y))
    a, b = a - a.mean(), b - b.mean()
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size else math.nan


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place])


def median(values: Sequence[float]) -> float:
    """The middle of what is finite; NaN of nothing."""
    known = [value for value in values if math.isfinite(value)]
    return float(np.median(known)) if known else math.nan
