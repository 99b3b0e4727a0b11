"""The exact identity with a floor integer root; see spec/units/norm/exact.py and identity.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, integer_root, round_shift
from bittrue.simulator.jit import jit
from bittrue.simulator.units.norm.statistics import narrowed, overflow_of, sum_of, sum_of_squares_of, variance_of
from bittrue.spec.units.norm import ExactNorm
from bittrue.spec.units.section import Arrays

STATISTICS = ("sum", "sum_of_squares", "variance", "root", "reciprocal")


def run(unit: ExactNorm, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes [rows, n] -> STATISTICS [rows, 1] and normalized [rows, n]."""
    codes = np.array(arrays["codes"], np.int64, order="C")
    statistics = np.empty((len(STATISTICS), codes.shape[0], 1), np.int64)
    normalized = np.empty(codes.shape, np.int64)
    normalize_rows(
        codes,
        int(arrays["epsilon"].flat[0]),
        int(arrays["pre_shift"].flat[0]),
        int(arrays["root_shift"].flat[0]),
        int(arrays["reciprocal_bits"].flat[0]),
        *overflow_of(unit),
        unit.fraction_bits,
        ROUNDING_CODES[unit.rounding],
        statistics,
        normalized,
    )
    return {**dict(zip(STATISTICS, statistics, strict=True)), "normalized": normalized}


@jit
def normalize_rows(
    codes: NDArray[np.int64],
    epsilon: int,
    pre_shift: int,
    root_shift: int,
    reciprocal_bits: int,
    sum_bits: int,
    sum_of_squares_bits: int,
    overflow: int,
    fraction_bits: int,
    rounding: int,
    statistics: NDArray[np.int64],
    normalized: NDArray[np.int64],
) -> None:
    """Fill statistics [5, rows, 1], in the order of STATISTICS, and normalized [rows, n]; narrows the codes."""
    narrowed(codes, pre_shift, rounding)
    n = codes.shape[1]
    shift = reciprocal_bits - root_shift - fraction_bits
    for r in range(codes.shape[0]):
        row, target = codes[r], normalized[r]
        total = sum_of(row, sum_bits, overflow)
        squares = sum_of_squares_of(row, sum_of_squares_bits, overflow)
        variance = variance_of(n, total, squares, epsilon)
        root = integer_root(variance << (2 * root_shift))
        reciprocal = (1 << reciprocal_bits) // root
        for i in range(n):
            target[i] = round_shift((n * row[i] - total) * reciprocal, shift, rounding)
        statistics[0, r, 0], statistics[1, r, 0], statistics[2, r, 0] = total, squares, variance
        statistics[3, r, 0], statistics[4, r, 0] = root, reciprocal
