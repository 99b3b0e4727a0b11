"""concat, fast: each input requantized to the output's scale, then joined; see spec/ops/concat.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from bittrue.simulator.accumulate import centred
from bittrue.simulator.requantize import Requantizer, one_plane
from bittrue.spec.op import Call
from bittrue.spec.ops.concat import Concat


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Arrays equal but for the axis -> one array; the op has no stages."""
    multiplier, shift = call.constants["multiplier"], call.constants["shift"]
    parts = []
    for i, (codes, spec) in enumerate(zip(operands, call.inputs, strict=True)):
        requantizer = Requantizer.of(call, multiplier=multiplier[i : i + 1], shift=shift[i : i + 1])
        values = centred(codes, spec.zero_point[0], np.dtype(np.int64))
        parts.append(requantizer.planes(one_plane(values), call.output.dtype).reshape(codes.shape))
    return np.concatenate(parts, axis=cast(Concat, call.op).axis)
