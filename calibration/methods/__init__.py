"""Calibration methods, one class a file. A method turns observations into ranges; the rest is shared."""

from __future__ import annotations

from bittrue.calibration.methods.best import Best
from bittrue.calibration.methods.easyquant import EasyQuant
from bittrue.calibration.methods.fq_vit import FqVit
from bittrue.calibration.methods.method import Method
from bittrue.calibration.methods.minmax import MinMax
from bittrue.calibration.methods.mse import MeanSquaredError
from bittrue.calibration.methods.percentile import Percentile
from bittrue.calibration.methods.ptq4vit import Ptq4Vit
from bittrue.calibration.methods.q_hyvit import QHyViT
from bittrue.calibration.methods.repq import RepQ

_ALL = (MinMax, Percentile, MeanSquaredError, EasyQuant, FqVit, Ptq4Vit, RepQ, QHyViT, Best)
METHODS: dict[str, type[Method]] = {method.name: method for method in _ALL}
"""Methods by the name that `--method` takes; options.METHOD_NAMES lists them for who must not import torch."""
