"""The shift in front of I-BERT's squarer; see spec/units/norm/ibert.py."""

from __future__ import annotations

import numpy as np

from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.norm.row import NormRow
from bittrue.spec.units.norm import IbertNorm


def constants(unit: IbertNorm, row: NormRow) -> Constants:
    """variance_shift: the least that is proved. The unit adds no epsilon."""
    return {"variance_shift": np.array([unit.least_variance_shift(row.codes, row.n)], np.int8)}
