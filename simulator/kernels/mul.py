"""mul, fast: the exact product of two activations, requantized; see spec/ops/mul.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bittrue.simulator.accumulate import centred
from bittrue.simulator.requantize import Requantizer, finish_planes, one_plane
from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Codes a, and b whose axes are equal or 1 -> the shape of a; fills `accumulator` and `rounded`, int64."""
    wide = np.dtype(np.int64)
    a, b = (centred(codes, spec.zero_point[0], wide) for codes, spec in zip(operands, call.inputs, strict=True))
    entering = call.inputs[0].magnitude_max * call.inputs[1].magnitude_max
    return finish_planes(call, one_plane(a * b), Requantizer.of(call, entering=entering), stages)
