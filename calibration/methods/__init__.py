"""Calibration methods, one class a file. A method turns observations into ranges; the rest is shared."""

from __future__ import annotations

from bittrue.calibration.methods.best import Best
from bittrue.calibration.methods.method import Method
from bittrue.calibration.methods.minmax import MinMax
from bittrue.calibration.methods.mse import MeanSquaredError
from bittrue.calibration.methods.q_hyvit import QHyViT

METHODS: dict[str, type[Method]] = {method.name: method for method in (MinMax, MeanSquaredError, QHyViT, Best)}
"""Methods by the name that `--method` takes."""
