"""group_norm, fast: a row is all codes of one group of channels; see spec/ops/group_norm.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from bittrue.simulator.normalize import normalize
from bittrue.simulator.requantize import Requantizer
from bittrue.spec.op import Call
from bittrue.spec.ops.group_norm import GroupNorm


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Codes [1, C, ...] -> [1, C, ...]; fills the statistics [1, groups] and `normalized` [1, C, ...], int64."""
    op, shape = cast(GroupNorm, call.op), call.output.shape
    rows = operands[0].reshape(op.groups, -1)
    normalized = normalize(call, rows, op.root_shift, op.reciprocal_bits, stages, statistics_shape=(1, op.groups))
    requantizer = Requantizer.of(call, shape[1], offset=call.constants["bias"])
    return requantizer.planes(normalized.reshape(shape[1], 1, -1), call.output.dtype).reshape(shape)
