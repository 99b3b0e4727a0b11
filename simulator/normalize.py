"""The normalization unit of layer_norm and group_norm: rows of codes to rows of normalized values.

States the first half of spec/normalization.py (statistics, root, reciprocal, normalized); gamma and
beta are the requantizer's multiplier and offset.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, integer_root, round_shift
from bittrue.simulator.jit import jit
from bittrue.spec.op import Call

STATISTICS = ("sum", "sum_of_squares", "variance", "root", "reciprocal")


def normalize(
    call: Call,
    rows: NDArray[np.integer],
    root_shift: int,
    reciprocal_bits: int,
    stages: dict[str, np.ndarray] | None,
    *,
    statistics_shape: tuple[int, ...],
) -> NDArray[np.int64]:
    """Normalize codes [rows, n] -> int64 [rows, n] with the norm unit's fraction bits.

    Fills the stages when asked: each statistic int64 in statistics_shape, `normalized` in the output's shape.
    """
    statistics = np.empty((len(STATISTICS), rows.shape[0]), np.int64)
    normalized = np.empty(rows.shape, np.int64)
    normalize_rows(
        rows.astype(np.int64),
        int(call.constants["epsilon"][0]),
        root_shift,
        reciprocal_bits,
        call.datapath.norm.fraction_bits,
        ROUNDING_CODES[call.rounding],
        statistics,
        normalized,
    )
    if stages is not None:
        for name, values in zip(STATISTICS, statistics, strict=True):
            stages[name] = values.reshape(statistics_shape)
        stages["normalized"] = normalized.reshape(call.output.shape)
    return normalized


@jit
def normalize_rows(
    rows: NDArray[np.int64],
    epsilon: int,
    root_shift: int,
    reciprocal_bits: int,
    fraction_bits: int,
    rounding: int,
    statistics: NDArray[np.int64],
    normalized: NDArray[np.int64],
) -> None:
    """Fill statistics [5, rows], in the order of STATISTICS, and normalized [rows, n]."""
    n = rows.shape[1]
    shift = reciprocal_bits - root_shift - fraction_bits
    for r in range(rows.shape[0]):
        row, target = rows[r], normalized[r]
        total, squares = np.int64(0), np.int64(0)
        for i in range(n):
            total += row[i]
            squares += row[i] * row[i]
        variance = n * squares - total * total + epsilon
        root = integer_root(variance << (2 * root_shift))
        reciprocal = (1 << reciprocal_bits) // root
        for i in range(n):
            target[i] = round_shift((n * row[i] - total) * reciprocal, shift, rounding)
        statistics[0, r], statistics[1, r], statistics[2, r] = total, squares, variance
        statistics[3, r], statistics[4, r] = root, reciprocal
