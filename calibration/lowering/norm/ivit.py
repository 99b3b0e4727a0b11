"""I-ViT's norm has no constants of its own; see spec/units/norm/ivit.py."""

from __future__ import annotations

from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.norm.row import NormRow
from bittrue.spec.units.norm import IvitNorm


def constants(unit: IvitNorm, row: NormRow) -> Constants:
    """None; the unit adds no epsilon."""
    return {}
