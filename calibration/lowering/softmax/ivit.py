"""The octave of I-ViT's softmax; see spec/units/softmax/ivit.py."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from bittrue.calibration.lowering.constants import Constants
from bittrue.spec.units.softmax import IvitSoftmax


def constants(unit: IvitSoftmax, bits: int, scale: Fraction) -> Constants:
    """`octave`, int64 [1]: minus floor(-1 / scale)."""
    return {"octave": np.array([math.ceil(1 / scale)], np.int64)}
