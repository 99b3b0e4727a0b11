"""Gamma, beta and the output's scale as integers; see spec/units/norm/affine.py."""

from __future__ import annotations

import numpy as np

from bittrue.calibration.lowering.constants import Constants, narrow
from bittrue.calibration.lowering.norm.row import NormRow
from bittrue.calibration.lowering.tables import round_half_up
from bittrue.spec.arithmetic import multiplier_and_shift
from bittrue.spec.units.norm import NormUnit

BIAS_BITS = 56
"""|bias| < 2**BIAS_BITS: that and the largest product of gamma and a normalized value fit 63 bits."""


def affine_constants(unit: NormUnit, row: NormRow) -> Constants:
    """multiplier, one a channel; bias, one a channel; shift, one for all."""
    step = unit.normalized_scale(row.n)
    gamma = [value * step for value in row.gamma]
    largest = max(abs(value) for value in gamma) or step
    # The shift follows gamma, but beta must fit behind it too.
    reach = max(largest, max(abs(value) for value in row.beta) / (1 << (BIAS_BITS - unit.multiplier_bits)))
    _, shift = multiplier_and_shift(reach, unit.multiplier_bits, unit.shift_max)
    return {
        "multiplier": narrow(np.array([round_half_up(value * (1 << shift)) for value in gamma], np.int64)),
        "bias": np.array([round_half_up(value * (1 << shift)) for value in row.beta], np.int64),
        "shift": np.array([shift], np.int8),
    }
