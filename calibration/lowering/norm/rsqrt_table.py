"""epsilon, pre-shift and table of the norm unit with Newton steps; see spec/units/norm/rsqrt_table.py."""

from __future__ import annotations

from bittrue.calibration.lowering.constants import Constants, narrow
from bittrue.calibration.lowering.norm.identity import row_constants
from bittrue.calibration.lowering.norm.row import NormRow
from bittrue.spec.units.norm import RsqrtTableNorm


def constants(unit: RsqrtTableNorm, row: NormRow) -> Constants:
    """epsilon and pre_shift, one of each; table, the unit's own."""
    return {**row_constants(unit, row), "table": narrow(unit.entries)}
