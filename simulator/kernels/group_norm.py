"""group_norm, fast: a row is all codes of one group of channels; see spec/ops/group_norm.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from bittrue.simulator.row_norm import normalize
from bittrue.spec.op import Call
from bittrue.spec.ops.group_norm import GroupNorm


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Codes [1, C, ...] -> [1, C, ...]; fills the unit's stages: [1, groups] where one a row, else [1, C, ...]."""
    groups, (_, channels, *_) = cast(GroupNorm, call.op).groups, call.output.shape
    rows = operands[0].reshape(groups, -1)
    positions = operands[0].size // channels
    return normalize(call, rows, lambda values: np.repeat(values, positions).reshape(groups, -1), stages)
