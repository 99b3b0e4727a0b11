"""I-ViT's I-LayerNorm; see spec/units/norm/ivit.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, Integer
from bittrue.simulator.jit import jit
from bittrue.simulator.units.norm.centred import centred_squares, normalize_row, rounded_quotient
from bittrue.simulator.units.norm.statistics import overflow_of, sum_of
from bittrue.spec.units.norm import IvitNorm
from bittrue.spec.units.section import Arrays


def run(unit: IvitNorm, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes [rows, n] -> the unit's row stages [rows, 1] and normalized [rows, n]."""
    codes = np.array(arrays["codes"], np.int64, order="C")
    statistics = np.empty((len(unit.row_stages), codes.shape[0], 1), np.int64)
    normalized = np.empty(codes.shape, np.int64)
    _normalize_rows(
        codes,
        *overflow_of(unit),
        ROUNDING_CODES[unit.mean_rounding],
        unit.start_bits,
        unit.steps,
        unit.fraction_bits,
        statistics,
        normalized,
    )
    return {**dict(zip(unit.row_stages, statistics, strict=True)), "normalized": normalized}


@jit
def stepped_root(value: Integer, start_bits: int, steps: int) -> Integer:
    """What so many Newton steps make of 2**start_bits; a negative value counts as 0."""
    operand = max(np.int64(0), value)
    root = np.int64(1) << start_bits
    for _ in range(steps):
        root = max(np.int64(1), (root + operand // root) >> 1)
    return root


@jit
def _normalize_rows(
    codes: NDArray[np.int64],
    sum_bits: int,
    sum_of_squares_bits: int,
    overflow: int,
    mean_rounding: int,
    start_bits: int,
    steps: int,
    fraction_bits: int,
    statistics: NDArray[np.int64],
    normalized: NDArray[np.int64],
) -> None:
    for r in range(codes.shape[0]):
        row = codes[r]
        total = sum_of(row, sum_bits, overflow)
        mean = rounded_quotient(total, row.size, mean_rounding)
        squares = centred_squares(row, mean, 0, sum_of_squares_bits, overflow)
        root = stepped_root(squares, start_bits, steps)
        reciprocal = ((1 << (fraction_bits + 1)) - 1) // root
        normalize_row(row, mean, reciprocal, normalized[r])
        statistics[0, r, 0], statistics[1, r, 0], statistics[2, r, 0] = total, mean, squares
        statistics[3, r, 0], statistics[4, r, 0] = root, reciprocal
