"""mse: the range whose quantization has the least mean squared error on the observed values.

The min-max range shrinks at both ends by a common factor from a grid (as OMSE: Choukroun et al.,
arXiv 1902.06822, with FQ-ViT's step of 0.01); the best factor wins, ties to the wider range.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.methods.method import RangeMethod
from bittrue.calibration.quantize import Range
from bittrue.calibration.sites import Site

FACTORS = np.arange(100, 19, -1) / 100.0
"""1.00, 0.99, ... 0.20."""


class MeanSquaredError(RangeMethod):
    """Grid search on a sample of the values (weights: on all of them)."""

    name: ClassVar[str] = "mse"

    def activation_range(self, site: Site, channels: NDArray[np.int64], *, symmetric: bool, bits: int) -> Range:
        """The shrunk range with the least error; 0 stays inside where it was inside."""
        seen = self.problem.observations[site.name]
        low, high = float(seen.low[channels].min()), float(seen.high[channels].max())
        values = seen.sample[channels].ravel().astype(np.float64)
        if site.padded:
            low, high = min(low, 0.0), max(high, 0.0)
        if symmetric:
            high = max(-low, high)
            low = -high
        if high <= low:
            return Range(low, high)
        # A range that does not contain zero shrinks about its own middle, not about zero.
        middle = 0.0 if low <= 0.0 <= high else (low + high) / 2
        steps = (1 << bits) - (2 if symmetric else 1)
        errors = [_error(values, middle + (low - middle) * f, middle + (high - middle) * f, steps) for f in FACTORS]
        best = float(FACTORS[int(np.argmin(errors))])
        return Range(middle + (low - middle) * best, middle + (high - middle) * best)

    def weight_limit(self, weight: NDArray[np.float64], *, bits: int) -> NDArray[np.float64]:
        """The shrunk magnitude of each row with the least error."""
        top = np.abs(weight).max(axis=1)
        codes = (1 << (bits - 1)) - 1
        errors = np.empty((len(FACTORS), len(weight)))
        for index, factor in enumerate(FACTORS):
            scale = np.where(top > 0, top * factor / codes, 1.0)[:, None]
            quantized = np.clip(np.rint(weight / scale), -codes, codes) * scale
            errors[index] = ((weight - quantized) ** 2).sum(axis=1)
        return np.asarray(top * FACTORS[errors.argmin(axis=0)])


def _error(values: NDArray[np.float64], low: float, high: float, steps: int) -> float:
    scale = (high - low) / steps
    quantized = np.rint((np.clip(values, low, high) - low) / scale) * scale + low
    return float(((values - quantized) ** 2).sum())
