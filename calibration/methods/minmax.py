"""minmax: the codes cover everything that was seen. Nothing clips; outliers cost resolution."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.methods.method import Method, Range
from bittrue.calibration.sites import Site


class MinMax(Method):
    """Observed minimum and maximum."""

    name: ClassVar[str] = "minmax"

    def activation_range(self, site: Site, channels: NDArray[np.int64], *, symmetric: bool, bits: int) -> Range:
        """Smallest and largest observed value."""
        seen = self.problem.observations[site.name]
        return Range(float(seen.low[channels].min()), float(seen.high[channels].max()))

    def weight_limit(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """Largest magnitude of each row."""
        return np.asarray(np.abs(weight).max(axis=1))
