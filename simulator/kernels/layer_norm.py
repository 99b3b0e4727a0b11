"""layer_norm, fast: a row is the channels of one position; see spec/ops/layer_norm.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bittrue.simulator.row_norm import normalize
from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Codes [..., C] -> [..., C]; fills the unit's stages: [..., 1] where one a row, else [..., C], int64."""
    rows = operands[0].reshape(-1, call.output.shape[-1])
    return normalize(call, rows, lambda channels: channels, stages)
