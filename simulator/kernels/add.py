"""add, fast: hands the codes to the datapath's unit (simulator/units/add); see spec/ops/add.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bittrue.simulator.units.add import KINDS, two_multipliers
from bittrue.spec.op import Call
from bittrue.spec.ops.add import unit_of
from bittrue.spec.units.add import TwoMultipliersAdd
from bittrue.spec.units.section import Integers


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Two arrays of one shape -> the same shape; fills the unit's stages, int64."""
    unit = unit_of(call.datapath)
    low, high = call.output.code_range
    single = {
        "zero_point_a": call.inputs[0].zero_point[0],
        "zero_point_b": call.inputs[1].zero_point[0],
        "zero_point": call.output.zero_point[0],
        "low": low,
        "high": high,
    }
    arrays: dict[str, Integers] = {name: np.array([value], np.int64) for name, value in single.items()}
    arrays |= {"a": operands[0], "b": operands[1], **call.constants}
    if stages is None and isinstance(unit, TwoMultipliersAdd):  # the default unit, without wide copies of its stages
        return two_multipliers.narrow(unit, arrays, call.output.dtype)
    found = KINDS[unit.kind](unit, arrays)
    if stages is not None:
        stages.update({name: found[name] for name in unit.stages})
    return found["output"].astype(call.output.dtype)
