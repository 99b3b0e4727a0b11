"""sub, fast: the codes of b with their signs changed, through the datapath's add unit; see spec/ops/sub.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bittrue.simulator.units.add import KINDS
from bittrue.spec.op import Call
from bittrue.spec.ops.add import unit_of
from bittrue.spec.units.section import Integers


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Two arrays of one shape -> the same shape; fills the unit's stages, int64."""
    unit = unit_of(call.datapath)
    low, high = call.output.code_range
    single = {
        "zero_point_a": call.inputs[0].zero_point[0],
        "zero_point_b": -call.inputs[1].zero_point[0],
        "zero_point": call.output.zero_point[0],
        "low": low,
        "high": high,
    }
    arrays: dict[str, Integers] = {name: np.array([value], np.int64) for name, value in single.items()}
    # In 64 bits: the lowest code of a width has no negative of that width.
    arrays |= {"a": operands[0], "b": -operands[1].astype(np.int64), **call.constants}
    found = KINDS[unit.kind](unit, arrays)
    if stages is not None:
        stages.update({name: found[name] for name in unit.stages})
    return found["output"].astype(call.output.dtype)
