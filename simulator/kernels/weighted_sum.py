"""weighted_sum, fast: dot products of two activations along the last axis; see spec/ops/weighted_sum.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bittrue.simulator.accumulate import accumulate_terms, centred
from bittrue.simulator.requantize import Requantizer, finish_planes, one_plane
from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Codes [..., N] and others broadcastable to it -> [..., 1]; fills `accumulator` and `rounded` [..., 1] int64."""
    wide = np.dtype(np.int64)
    a, b = (centred(codes, spec.zero_point[0], wide) for codes, spec in zip(operands, call.inputs, strict=True))
    products = (a * b).reshape(-1, a.shape[-1])
    return finish_planes(call, one_plane(accumulate_terms(call, products)), Requantizer.of(call), stages)
