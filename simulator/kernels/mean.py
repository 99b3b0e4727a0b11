"""mean, fast: the sum over each channel's plane, then one requantization; see spec/ops/mean.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bittrue.simulator.accumulate import accumulate_terms, centred
from bittrue.simulator.requantize import Requantizer, finish_planes, one_plane
from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Codes [1, C, H, W] -> [1, C, 1, 1]; fills `accumulator` and `rounded` [1, C, 1, 1] int64."""
    channels = call.output.shape[1]
    terms = centred(operands[0], call.inputs[0].zero_point[0], np.dtype(np.int64)).reshape(channels, -1)
    return finish_planes(call, one_plane(accumulate_terms(call, terms)), Requantizer.of(call), stages)
