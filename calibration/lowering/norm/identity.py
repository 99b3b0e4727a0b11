"""epsilon and the pre-shift of the kinds that use the exact identity; see spec/units/norm/identity.py."""

from __future__ import annotations

import numpy as np

from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.norm.row import NormRow
from bittrue.calibration.lowering.tables import round_half_up
from bittrue.spec.units.norm.identity import IdentityNorm


def row_constants(unit: IdentityNorm, row: NormRow) -> Constants:
    """epsilon and pre_shift, one of each."""
    pre_shift = unit.pre_shift(row.codes, row.n)
    # eps is added to a variance in real units: n^2 / scale^2 brings it to the units of V.
    epsilon = max(1, round_half_up(row.epsilon * row.n * row.n / (row.scale * (1 << pre_shift)) ** 2))
    return {"epsilon": np.array([epsilon], np.int64), "pre_shift": np.array([pre_shift], np.int8)}
