"""epsilon and the shifts of the exact norm unit; see spec/units/norm/exact.py."""

from __future__ import annotations

import numpy as np

from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.norm.identity import row_constants
from bittrue.calibration.lowering.norm.row import NormRow
from bittrue.spec.units.norm import ExactNorm


def constants(unit: ExactNorm, row: NormRow) -> Constants:
    """epsilon, pre_shift, root_shift and reciprocal_bits, one of each."""
    found = row_constants(unit, row)
    shifts = unit.root_shift_and_reciprocal_bits(row.codes, row.n, int(found["epsilon"][0]))
    return {
        **found,
        "root_shift": np.array([shifts[0]], np.int8),
        "reciprocal_bits": np.array([shifts[1]], np.int8),
    }
