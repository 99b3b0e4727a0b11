"""layer_norm, fast: a row is the channels of one position; see spec/ops/layer_norm.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from bittrue.simulator.normalize import normalize
from bittrue.simulator.requantize import Requantizer
from bittrue.spec.op import Call
from bittrue.spec.ops.layer_norm import LayerNorm


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Codes [..., C] -> [..., C]; fills the statistics [..., 1] and `normalized` [..., C], int64."""
    op, shape = cast(LayerNorm, call.op), call.output.shape
    rows = operands[0].reshape(-1, shape[-1])
    normalized = normalize(call, rows, op.root_shift, op.reciprocal_bits, stages, statistics_shape=(*shape[:-1], 1))
    requantizer = Requantizer.of(call, shape[-1], offset=call.constants["bias"])
    return requantizer.rows(normalized, call.output.dtype).reshape(shape)
