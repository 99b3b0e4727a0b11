"""minmax: the codes cover everything that was seen. Nothing clips; outliers cost resolution."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.methods.method import RangeMethod
from bittrue.calibration.quantize import Range
from bittrue.calibration.sites import Site


class MinMax(RangeMethod):
    """Observed minimum and maximum."""

    name: ClassVar[str] = "minmax"

    def activation_range(self, site: Site, channels: NDArray[np.int64], *, symmetric: bool, bits: int) -> Range:
        """Smallest and largest observed value."""
        return self.problem.seen(site, channels)

    def weight_limit(self, weight: NDArray[np.float64], *, bits: int) -> NDArray[np.float64]:
        """Largest magnitude of each row."""
        return np.asarray(np.abs(weight).max(axis=1))
