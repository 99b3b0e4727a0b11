"""I-BERT's integer LayerNorm; see spec/units/norm/ibert.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, Integer
from bittrue.simulator.jit import jit
from bittrue.simulator.units.norm.centred import centred_squares, normalize_row, rounded_quotient
from bittrue.simulator.units.norm.statistics import overflow_of, sum_of
from bittrue.spec.units.norm import IbertNorm
from bittrue.spec.units.section import Arrays


def run(unit: IbertNorm, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes [rows, n] -> the unit's row stages [rows, 1] and normalized [rows, n]."""
    codes = np.array(arrays["codes"], np.int64, order="C")
    statistics = np.empty((len(unit.row_stages), codes.shape[0], 1), np.int64)
    normalized = np.empty(codes.shape, np.int64)
    _normalize_rows(
        codes,
        int(arrays["variance_shift"].flat[0]),
        *overflow_of(unit),
        ROUNDING_CODES[unit.mean_rounding],
        unit.fraction_bits,
        statistics,
        normalized,
    )
    return {**dict(zip(unit.row_stages, statistics, strict=True)), "normalized": normalized}


@jit
def newton_root(value: Integer) -> Integer:
    """Algorithm 4 of the paper: floor(sqrt(value)), 0 for value <= 0."""
    if value <= 0:
        return np.int64(0)
    half_bits = 0
    while value >> half_bits > 0:
        half_bits += 1
    root = np.int64(1) << ((half_bits + 1) // 2)
    while True:
        following = (root + value // root) >> 1
        if following >= root:
            return root
        root = following


@jit
def _normalize_rows(
    codes: NDArray[np.int64],
    variance_shift: int,
    sum_bits: int,
    sum_of_squares_bits: int,
    overflow: int,
    mean_rounding: int,
    fraction_bits: int,
    statistics: NDArray[np.int64],
    normalized: NDArray[np.int64],
) -> None:
    for r in range(codes.shape[0]):
        row = codes[r]
        total = sum_of(row, sum_bits, overflow)
        mean = rounded_quotient(total, row.size, mean_rounding)
        squares = centred_squares(row, mean, variance_shift, sum_of_squares_bits, overflow)
        root = max(np.int64(1), newton_root(squares))
        reciprocal = (1 << (fraction_bits + 1)) // (root << variance_shift)
        normalize_row(row, mean, reciprocal, normalized[r])
        statistics[0, r, 0], statistics[1, r, 0], statistics[2, r, 0] = total, mean, squares
        statistics[3, r, 0], statistics[4, r, 0] = root, reciprocal
