"""add, fast: two activations brought to one scale and added; see spec/ops/add.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import jit
from bittrue.simulator.requantize import Requantizer, finish_planes, one_plane
from bittrue.spec.op import Call

UNIT = np.ones(1, np.int64)
"""The sum is scaled already; what is left of the requantizer is its shift."""


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Two arrays of one shape -> the same shape; fills `accumulator` and `rounded`, int64."""
    (z_a,), (z_b,) = call.inputs[0].zero_point, call.inputs[1].zero_point
    m_a, m_b = (int(call.constants[role][0]) for role in ("multiplier_a", "multiplier_b"))
    a, b = (np.require(codes, requirements=["C", "W"]) for codes in operands)
    accumulator = np.empty(a.shape, np.int64)
    weighted_pair(a.reshape(-1), b.reshape(-1), z_a, z_b, m_a, m_b, accumulator.reshape(-1))
    return finish_planes(call, one_plane(accumulator), Requantizer.of(call, multiplier=UNIT), stages)


@jit
def weighted_pair(
    a: NDArray[np.integer],
    b: NDArray[np.integer],
    z_a: int,
    z_b: int,
    m_a: int,
    m_b: int,
    total: NDArray[np.int64],
) -> None:
    """total[i] = (a[i] - z_a) * m_a + (b[i] - z_b) * m_b, in int64."""
    for i in range(total.size):
        total[i] = (np.int64(a[i]) - z_a) * m_a + (np.int64(b[i]) - z_b) * m_b
