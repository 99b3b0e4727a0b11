"""add in float32, computed on integers; see spec/units/add/float32.py.

A number is held as a multiple of 2**-43, which every product and sum of the unit's domain is exactly; what a
float32 operation does is then a rounding to 24 significant bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import HALF_EVEN, Integer, clamp, round_shift
from bittrue.simulator.jit import jit
from bittrue.simulator.units.add.elements import Matrix, Results, column, matrices, results
from bittrue.spec.units.add import Float32Add
from bittrue.spec.units.section import Arrays

PARAMETERS = ("zero_point_a", "zero_point_b", "ratio_a", "ratio_b", "zero_point", "low", "high")
POINT = 43
SIGNIFICAND_BITS = 24


def run(unit: Float32Add, arrays: Arrays) -> Results:
    """Codes and parameters, broadcastable -> partial and sum as float32 bits, rounded, output."""
    shape, codes, parameters = matrices(arrays, PARAMETERS)
    found = np.empty((len(unit.stages) + 1, codes.shape[1]), np.int64)
    _add(codes, parameters, found)
    found[:2] = _bits(found[:2])
    return results(unit.stages, shape, found)


@jit
def _add(codes: Matrix, parameters: Matrix, found: Matrix) -> None:
    for i in range(codes.shape[1]):
        zero_a, zero_b, bits_a, bits_b, zero_point, low, high = parameters[:, column(parameters, i)]
        ratio_a, ratio_b = _fixed_point(bits_a), _fixed_point(bits_b)
        constant = _float32(zero_a * ratio_a + _float32(zero_b * ratio_b))
        fixed = _float32((zero_point << POINT) - constant)
        partial = _float32(codes[1, i] * ratio_b + fixed)
        total = _float32(codes[0, i] * ratio_a + partial)
        rounded = round_shift(total, POINT, HALF_EVEN)
        found[0, i], found[1, i], found[2, i] = partial, total, rounded
        found[3, i] = clamp(rounded, low, high)


@jit
def _fixed_point(bits: int) -> int:
    """A positive float32 between 2**-20 and 2**9, given by its bits, in multiples of 2**-43."""
    significand = (bits & ((1 << 23) - 1)) | (1 << 23)
    return significand << ((bits >> 23) - 127 - 23 + POINT)


@jit
def _float32(value: Integer) -> Integer:
    """Round to 24 significant bits, half to even."""
    extra, rest = 0, (value if value >= 0 else -value) >> SIGNIFICAND_BITS
    while rest > 0:
        extra += 1
        rest >>= 1
    return value if extra == 0 else round_shift(value, extra, HALF_EVEN) << extra


def _bits(values: Matrix) -> NDArray[np.int64]:
    """IEEE-754 bits of numbers that have at most 24 significant bits; the conversions are exact."""
    return (values.astype(np.float64) * 2.0**-POINT).astype(np.float32).view(np.int32).astype(np.int64)
