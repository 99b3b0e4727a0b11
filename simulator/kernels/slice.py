"""slice: some indices of one axis; see spec/ops/slice.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from bittrue.spec.op import Call
from bittrue.spec.ops.slice import Slice


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Any array -> indices start..stop-1 of the axis; the op has no stages."""
    op = cast(Slice, call.op)
    before = (slice(None),) * op.axis
    return np.ascontiguousarray(operands[0][(*before, slice(op.start, op.stop))])
