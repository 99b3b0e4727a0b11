"""Gamma, beta and the output's scale; see spec/units/norm/affine.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, clamp, requantize
from bittrue.simulator.jit import jit
from bittrue.spec.units.norm import NormUnit
from bittrue.spec.units.section import Arrays

NAMES = ("multiplier", "bias", "shift", "zero_point", "low", "high")


def run(unit: NormUnit, normalized: NDArray[np.int64], arrays: Arrays) -> NDArray[np.int64]:
    """Normalized values [rows, n] -> output codes [rows, n].

    arrays: NAMES (the last three for a unit without affine), each broadcastable to [rows, n].
    """
    names = NAMES if unit.has_affine else NAMES[3:]
    # Stacked in their common shape: numba then sees one array, whatever each of them was.
    stacked = np.stack(np.broadcast_arrays(*(arrays[name].astype(np.int64) for name in names)))
    while stacked.ndim < 3:
        stacked = stacked[:, np.newaxis]
    constants = np.broadcast_to(stacked, (len(names), *normalized.shape))
    output = np.empty(normalized.shape, np.int64)
    _finish(normalized, constants, unit.has_affine, ROUNDING_CODES[unit.rounding], output)
    return output


@jit
def _finish(
    normalized: NDArray[np.int64],
    constants: NDArray[np.int64],
    affine: bool,
    rounding: int,
    output: NDArray[np.int64],
) -> None:
    for r in range(normalized.shape[0]):
        for i in range(normalized.shape[1]):
            c = constants[:, r, i]
            if affine:
                output[r, i] = requantize(normalized[r, i], c[0], c[1], c[2], c[3], c[4], c[5], rounding)
            else:
                output[r, i] = clamp(normalized[r, i] + c[0], c[1], c[2])
