"""The exact identity with a table and Newton steps; see spec/units/norm/rsqrt_table.py and identity.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, Integer, round_shift
from bittrue.simulator.jit import jit
from bittrue.simulator.units.norm.statistics import narrowed, overflow_of, sum_of, sum_of_squares_of, variance_of
from bittrue.spec.units.norm import RsqrtTableNorm
from bittrue.spec.units.section import Arrays


def run(unit: RsqrtTableNorm, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes [rows, n] -> the unit's row stages [rows, 1] and normalized [rows, n]."""
    codes = np.array(arrays["codes"], np.int64, order="C")
    statistics = np.empty((len(unit.row_stages), codes.shape[0], 1), np.int64)
    normalized = np.empty(codes.shape, np.int64)
    _normalize_rows(
        codes,
        int(arrays["epsilon"].flat[0]),
        int(arrays["pre_shift"].flat[0]),
        np.array(arrays["table"], np.int64).reshape(-1),
        *overflow_of(unit),
        unit.table_bits,
        unit.estimate_bits,
        unit.operand_bits,
        unit.steps,
        unit.fraction_bits,
        ROUNDING_CODES[unit.rounding],
        statistics,
        normalized,
    )
    return {**dict(zip(unit.row_stages, statistics, strict=True)), "normalized": normalized}


@jit
def half_exponent(value: Integer) -> Integer:
    """floor((bits - 1) / 2) of a value of that bit length, at least 1: its exponent to the base 4."""
    exponent = 0
    while value >> 2 * (exponent + 1) > 0:
        exponent += 1
    return exponent


@jit
def newton(root: Integer, operand: Integer, estimate_bits: int, operand_bits: int) -> Integer:
    """One step y * (3 - m*y^2) / 2."""
    square = (root * root) >> estimate_bits
    difference = (3 << estimate_bits) - ((operand * square) >> operand_bits)
    return (root * difference) >> (estimate_bits + 1)


@jit
def _normalize_rows(
    codes: NDArray[np.int64],
    epsilon: int,
    pre_shift: int,
    table: NDArray[np.int64],
    sum_bits: int,
    sum_of_squares_bits: int,
    overflow: int,
    table_bits: int,
    estimate_bits: int,
    operand_bits: int,
    steps: int,
    fraction_bits: int,
    rounding: int,
    statistics: NDArray[np.int64],
    normalized: NDArray[np.int64],
) -> None:
    narrowed(codes, pre_shift, rounding)
    n = codes.shape[1]
    for r in range(codes.shape[0]):
        row, target = codes[r], normalized[r]
        total = sum_of(row, sum_bits, overflow)
        squares = sum_of_squares_of(row, sum_of_squares_bits, overflow)
        variance = variance_of(n, total, squares, epsilon)
        exponent = half_exponent(variance)
        left = operand_bits - 2 * exponent
        operand = variance << left if left >= 0 else variance >> -left
        estimate = table[(operand >> (operand_bits - table_bits)) - (1 << table_bits)]
        root = estimate
        for _ in range(steps):
            root = newton(root, operand, estimate_bits, operand_bits)
        shift = estimate_bits + exponent - fraction_bits
        for i in range(n):
            target[i] = round_shift((n * row[i] - total) * root, shift, rounding)
        statistics[0, r, 0], statistics[1, r, 0], statistics[2, r, 0] = total, squares, variance
        statistics[3, r, 0], statistics[4, r, 0] = exponent, operand
        statistics[5, r, 0], statistics[6, r, 0] = estimate, root
