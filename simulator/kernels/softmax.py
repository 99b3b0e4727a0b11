"""softmax, fast: hands rows to the datapath's unit (simulator/units/softmax); see spec/ops/softmax.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bittrue.simulator.units.softmax import KINDS, table
from bittrue.spec.op import Call
from bittrue.spec.ops.softmax import unit_of
from bittrue.spec.units.softmax import TableSoftmax


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Logits [..., N] -> probabilities [..., N]. Fills the unit's stages, int64, [..., N] or [..., 1]."""
    unit, shape = unit_of(call.datapath), call.output.shape
    arrays = {"logits": operands[0].reshape(-1, shape[-1]), **call.constants}
    if stages is None and isinstance(unit, TableSoftmax):  # the default unit, without wide copies of its stages
        return table.narrow(unit, arrays).astype(call.output.dtype, copy=False).reshape(shape)
    found = KINDS[unit.kind](unit, arrays)
    if stages is not None:
        stages.update({name: found[name].reshape(*shape[:-1], -1) for name in unit.stages})
    return found["output"].astype(call.output.dtype).reshape(shape)
