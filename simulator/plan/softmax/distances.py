"""What a softmax unit computes from a logit and its row's maximum alone, as tables by their distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.units.softmax import KINDS
from bittrue.spec.op import Call
from bittrue.spec.ops.softmax import unit_of

Integers = NDArray[np.int64]


def stage_of(call: Call, stage: str) -> Integers:
    """A stage of the step's unit at every distance, int64 [256]; 0 where no two logits are so far apart."""
    unit, (low, high) = unit_of(call.datapath), call.inputs[0].code_range
    distances = np.arange(high - low + 1)
    # Rows of two logits, the first of which is the maximum.
    logits = np.stack([np.full(distances.size, high), high - distances], axis=1)
    found = np.zeros(256, np.int64)
    found[: distances.size] = KINDS[unit.kind](unit, {"logits": logits, **call.constants})[stage][:, 1]
    return found


def planes_of(terms: Integers) -> NDArray[np.uint8]:
    """Numbers [256] of at least 0 byte by byte, the lowest first: [as many as the largest needs * 256]."""
    count = max(1, -(-int(terms.max()).bit_length() // 8))
    return np.ascontiguousarray(terms.view(np.uint8).reshape(256, 8)[:, :count].T).reshape(-1)
