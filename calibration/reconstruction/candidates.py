"""Candidates for a range, and the guard that they can be told apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bittrue.spec.errors import BadInput

ALPHA, BETA, STEPS = 0.0, 1.2, 100
"""Q-HyViT's appendix A.1."""
FACTORS = ALPHA + np.arange(1, STEPS + 1) * (BETA - ALPHA) / STEPS
"""Of the observed range; equation 4 of arXiv 2303.12557 (its released code never tries the last one)."""
TIES_MAX = 0.5
"""Share of searches in which all candidates may have the same error: dead layers exist, dead networks do not."""


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
