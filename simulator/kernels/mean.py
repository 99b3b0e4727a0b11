"""mean, fast: the sum over each channel's plane, then the unit's division; see spec/ops/mean.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bittrue.simulator.accumulate import accumulate_terms, centred
from bittrue.simulator.requantize import Requantizer, finish_planes, one_plane
from bittrue.simulator.units.mean import scaled_sums
from bittrue.spec.op import Call
from bittrue.spec.units.mean import Float32Mean


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Codes [1, C, H, W] -> [1, C, 1, 1]; fills `accumulator` and `rounded` [1, C, 1, 1] int64."""
    channels, raw = call.output.shape[1], isinstance(call.datapath.mean, Float32Mean)
    zero_point = call.inputs[0].zero_point[0]
    terms = centred(operands[0], 0 if raw else zero_point, np.dtype(np.int64)).reshape(channels, -1)
    accumulator = accumulate_terms(call, terms)
    if not raw:
        return finish_planes(call, one_plane(accumulator), Requantizer.of(call), stages)
    points = np.array([zero_point], np.int64), np.array(call.output.zero_point, np.int64)
    rounded = scaled_sums(accumulator, terms.shape[1], points[0], call.constants["scale"], points[1])
    if stages is not None:
        stages["accumulator"] = np.asarray(accumulator, np.int64).reshape(call.output.shape)
        stages["rounded"] = rounded.reshape(call.output.shape)
    codes = np.clip(rounded, *call.output.code_range)
    return codes.reshape(call.output.shape).astype(call.output.dtype)
