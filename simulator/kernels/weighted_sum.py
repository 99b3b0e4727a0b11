"""weighted_sum, fast: dot products of two activations along the last axis; see spec/ops/weighted_sum.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from bittrue.simulator.accumulate import accumulate_terms, centred, register_codes
from bittrue.simulator.requantize import Requantizer, finish_planes, one_plane
from bittrue.simulator.row_division import finish_divided
from bittrue.spec.op import Call
from bittrue.spec.ops.weighted_sum import WeightedSum


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Codes [..., N] and others broadcastable to it -> [..., 1]; fills the op's stages, int64."""
    wide = np.dtype(np.int64)
    a, b = (
        register_codes(call, centred(codes, spec.zero_point[0], wide), spec.bits)
        for codes, spec in zip(operands, call.inputs, strict=True)
    )
    accumulator = accumulate_terms(call, (a * b).reshape(-1, a.shape[-1]))
    if cast(WeightedSum, call.op).divide_by_row_sum:
        return finish_divided(call, accumulator.reshape(call.output.shape), operands[1], stages)
    return finish_planes(call, one_plane(accumulator), Requantizer.of(call), stages)
