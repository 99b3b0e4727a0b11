"""The table of exponentials; see spec/units/softmax/table.py and unnormalised.py."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.tables import exponential_table
from bittrue.spec.units.softmax import TableSoftmax, UnnormalisedSoftmax


def constants(unit: TableSoftmax | UnnormalisedSoftmax, bits: int, scale: Fraction) -> Constants:
    """`table`, uint16 [2**bits]: correctly rounded exponentials of 0, -1, ... logit steps."""
    return {"table": exponential_table(bits, scale, unit.exponential_bits).astype(np.uint16)}
