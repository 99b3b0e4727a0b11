"""ITA's softmax takes no constants; see spec/units/softmax/ita.py."""

from __future__ import annotations

from fractions import Fraction

from bittrue.calibration.lowering.constants import Constants
from bittrue.spec.units.softmax import ItaSoftmax


def constants(unit: ItaSoftmax, bits: int, scale: Fraction) -> Constants:
    """None: the logits have the unit's scale."""
    return {}
