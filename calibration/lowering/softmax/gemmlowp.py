"""multiplier, shift and difference_min of TFLite's softmax; see spec/units/softmax/gemmlowp.py.

As TFLite's PreprocessSoftmaxScaling and CalculateInputRadius compute them, on exact fractions: for scales that
are float32 numbers, as all scales of a .tflite file are, its doubles are exact too.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.tables import round_half_up
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.softmax import GemmlowpSoftmax
from bittrue.spec.units.softmax.gemmlowp import REACH


def constants(unit: GemmlowpSoftmax, bits: int, scale: Fraction) -> Constants:
    """Each int32 [1], for logits of that scale; refuses scales of 2**-26 and below."""
    ratio = min(scale * (1 << 26), Fraction((1 << 31) - 1))
    if ratio <= 1:
        raise Unsupported("the scale of the logits is too fine for Q5.26", got=float(scale), expected="above 2**-26")
    shift = (ratio.numerator // ratio.denominator).bit_length()  # 2**(shift - 1) <= ratio < 2**shift
    multiplier = round_half_up(ratio * (1 << 31) / (1 << shift))
    if multiplier == 1 << 31:
        multiplier, shift = multiplier >> 1, shift + 1
    return {
        "multiplier": np.array([multiplier], np.int32),
        "shift": np.array([shift], np.int8),
        "difference_min": np.array([-(REACH >> shift)], np.int32),
    }
