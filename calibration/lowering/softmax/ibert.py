"""Constants of I-BERT's softmax; see spec/units/softmax/ibert.py."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.softmax.split import quadratic
from bittrue.spec.arithmetic import multiplier_and_shift
from bittrue.spec.units.softmax import IbertSoftmax


def constants(unit: IbertSoftmax, bits: int, scale: Fraction) -> Constants:
    """The coefficients, and the ratio of the largest exponential to the polynomial's largest value; each [1]."""
    found = quadratic(unit, bits, scale)
    ratio = Fraction(unit.exponential_max, int(found["c"][0]))
    multiplier, shift = multiplier_and_shift(ratio, unit.multiplier_bits, 62)
    return {**found, "multiplier": np.array([multiplier], np.int32), "shift": np.array([shift], np.int8)}
