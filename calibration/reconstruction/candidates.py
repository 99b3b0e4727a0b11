"""Candidates for a range, how the best of them is found, and the guard that they can be told apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.errors import BadInput

ALPHA, BETA, STEPS = 0.0, 1.2, 100
"""Q-HyViT's appendix A.1."""
FACTORS = ALPHA + np.arange(1, STEPS + 1) * (BETA - ALPHA) / STEPS
"""Of the observed range; equation 4 of arXiv 2303.12557 (its released code never tries the last one)."""
STRIDES = (8, 4, 2, 1)
"""The first is that of the candidates that are all tried; then the neighbours of the best so far, ever nearer."""
TIES_MAX = 0.5
"""Share of searches in which all candidates may have the same error: dead layers exist, dead networks do not."""


def lowest(errors: Callable[[NDArray[np.int64]], NDArray[np.float64]], rows: int = 1) -> tuple[NDArray[np.int64], bool]:
    """The index in FACTORS with the least error, for each of some rows that are searched side by side, [rows].

    The error falls to one minimum and rises again, but for the noise of the rounding, so that the search is coarse
    first: 19 candidates instead of 100 (what that costs: docs/calibration.md).

    errors: of one index for each row, [rows] -> [rows]. The second value: whether all coarse candidates tied.
    """
    coarse = np.arange(STEPS - 1, -1, -STRIDES[0])
    found = np.stack([errors(np.full(rows, index)) for index in coarse])
    best, least = coarse[found.argmin(0)], found.min(0)
    for stride in STRIDES[1:]:
        around = best
        for step in (-stride, stride):
            index = np.clip(around + step, 0, STEPS - 1)
            error = errors(index)
            best, least = np.where(error < least, index, best), np.minimum(error, least)
    return best, bool((found == found[0]).all())


def check_distinct(ties: Sequence[bool], model: str) -> None:
    """Refuse a calibration in which most searches ended in a tie of all candidates: its scales mean nothing."""
    if ties and sum(ties) > TIES_MAX * len(ties):
        raise BadInput(
            "candidates for scales cannot be told apart by their errors",
            where=model,
            got=f"{sum(ties)} of {len(ties)} searches tied",
            expected=f"at most {TIES_MAX:.0%}",
            next_step="check that the weights are trained and the images are what the model knows",
        )
