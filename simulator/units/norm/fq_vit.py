"""FQ-ViT's layer norm in mantissa form; see spec/units/norm/fq_vit.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, Integer, clamp, integer_root, round_shift
from bittrue.simulator.jit import jit
from bittrue.simulator.units.norm.statistics import overflow_of, sum_of, sum_of_squares_of
from bittrue.spec.units.norm import FqVitNorm
from bittrue.spec.units.section import Arrays

BY_ELEMENT = ("code_zero_point", "factor", "gamma", "beta")


def run(unit: FqVitNorm, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes [rows, n], BY_ELEMENT broadcastable to that -> the unit's stages, [rows, 1] or [rows, n]."""
    shape = arrays["codes"].shape
    zero_point, factor, gamma, beta = (
        np.array(np.broadcast_to(arrays[name], shape), np.int64, order="C") for name in BY_ELEMENT
    )
    x = (arrays["codes"].astype(np.int64) - zero_point) << factor
    statistics = np.empty((len(unit.row_stages), shape[0], 1), np.int64)
    elements = np.empty((len(unit.stages) - len(unit.row_stages), *shape), np.int64)
    _normalize_rows(
        x,
        gamma,
        beta,
        int(arrays["gamma_shift"].flat[0]),
        int(arrays["root_shift"].flat[0]),
        *overflow_of(unit),
        unit.mantissa_bits,
        unit.exponent_max,
        ROUNDING_CODES[unit.rounding],
        statistics,
        elements,
    )
    return dict(zip(unit.stages, (*statistics, *elements), strict=True))


@jit
def floor_log2_of_quotient(a: Integer, b: Integer) -> Integer:
    """floor(log2(a / b)) for a, b >= 1 of at most 62 bits."""
    exponent = 0
    if a >= b:
        while a >> (exponent + 1) >= b:  # floor(a / 2^(e+1)) >= b exactly when a / b >= 2^(e+1)
            exponent += 1
        return exponent
    while a << -exponent < b:
        exponent -= 1
    return exponent


@jit
def mantissa_and_exponent(
    a: Integer, root: Integer, scale: Integer, mantissa_bits: int, exponent_max: int
) -> tuple[Integer, Integer]:
    """M and N of A = a / root * 2^scale: M * 2^-N is A rounded down to mantissa_bits; a, root >= 1."""
    log = floor_log2_of_quotient(a, root) + scale
    exponent = clamp(mantissa_bits - 1 - log, 0, exponent_max)
    top = (np.int64(1) << mantissa_bits) - 1
    if log >= mantissa_bits:  # A does not fit even without fraction bits
        return top, exponent
    left = scale + exponent
    if left >= 0:
        return (a << left) // root, exponent
    return (a >> min(-left, 62)) // root, exponent


@jit
def _normalize_rows(
    x: NDArray[np.int64],
    gamma: NDArray[np.int64],
    beta: NDArray[np.int64],
    gamma_shift: int,
    root_shift: int,
    sum_bits: int,
    sum_of_squares_bits: int,
    overflow: int,
    mantissa_bits: int,
    exponent_max: int,
    rounding: int,
    statistics: NDArray[np.int64],
    elements: NDArray[np.int64],
) -> None:
    n = x.shape[1]
    for r in range(x.shape[0]):
        row = x[r]
        total = sum_of(row, sum_bits, overflow)
        squares = sum_of_squares_of(row, sum_of_squares_bits, overflow)
        variance = max(np.int64(0), n * squares - total * total)
        root = integer_root(variance << (2 * root_shift))
        mantissa: Integer = np.int64(0)
        exponent: Integer = np.int64(0)
        offset: Integer = np.int64(0)
        for i in range(n):
            g, b = gamma[r, i], beta[r, i]
            if i == 0 or g != gamma[r, i - 1] or b != beta[r, i - 1]:  # else as for the element before
                move: Integer = np.int64(0)
                mantissa, exponent = np.int64(0), np.int64(exponent_max)
                if variance > 0 and g != 0:
                    mantissa, exponent = mantissa_and_exponent(
                        n * abs(g), root, root_shift - gamma_shift, mantissa_bits, exponent_max
                    )
                    if g < 0:
                        mantissa = -mantissa
                    move = ((total * g) << root_shift) // root
                left = exponent - gamma_shift
                offset = (b - move) << left if left >= 0 else round_shift(b - move, -left, rounding)
            value = mantissa * row[i] + offset
            elements[0, r, i], elements[1, r, i], elements[2, r, i] = exponent, mantissa, offset
            elements[3, r, i] = round_shift(value, exponent, rounding) if exponent > 0 else value
        statistics[0, r, 0], statistics[1, r, 0] = total, squares
        statistics[2, r, 0], statistics[3, r, 0] = variance, root
