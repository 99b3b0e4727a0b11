"""add by three requantizers in sequence; see spec/units/add/rescale.py."""

from __future__ import annotations

import numpy as np

from bittrue.simulator.fixed import ROUNDING_CODES, Integer, clamp, round_shift
from bittrue.simulator.jit import jit
from bittrue.simulator.units.add.elements import Matrix, Results, column, matrices, results
from bittrue.spec.units.add import RescaleAdd
from bittrue.spec.units.section import Arrays

PARAMETERS = (
    "zero_point_a", "zero_point_b", "left_shift", "multiplier_a", "shift_a", "multiplier_b", "shift_b", "multiplier",
    "shift", "zero_point", "low", "high",
)  # fmt: skip
NO_SECOND = -1
FIRST_SHIFT = 31


def run(unit: RescaleAdd, arrays: Arrays) -> Results:
    """Codes and parameters, broadcastable -> scaled_a, scaled_b, accumulator, rounded, output."""
    shape, codes, parameters = matrices(arrays, PARAMETERS)
    found = np.empty((len(unit.stages) + 1, codes.shape[1]), np.int64)
    second = NO_SECOND if unit.second is None else ROUNDING_CODES[unit.second]
    _add(codes, parameters, ROUNDING_CODES[unit.rounding], second, found)
    return results(unit.stages, shape, found)


@jit
def _add(codes: Matrix, parameters: Matrix, rounding: int, second: int, found: Matrix) -> None:
    for i in range(codes.shape[1]):
        zero_a, zero_b, left, m_a, s_a, m_b, s_b, m, s, zero_point, low, high = parameters[:, column(parameters, i)]
        scaled_a = _scaled((codes[0, i] - zero_a) << left, m_a, s_a, rounding, second)
        scaled_b = _scaled((codes[1, i] - zero_b) << left, m_b, s_b, rounding, second)
        rounded = _scaled(scaled_a + scaled_b, m, s, rounding, second)
        found[0, i], found[1, i], found[2, i], found[3, i] = scaled_a, scaled_b, scaled_a + scaled_b, rounded
        found[4, i] = clamp(rounded + zero_point, low, high)


@jit
def _scaled(value: Integer, multiplier: int, shift: int, rounding: int, second: int) -> Integer:
    """value * multiplier / 2**shift, rounded once or twice."""
    if second == NO_SECOND:
        return round_shift(value * multiplier, shift, rounding)
    if shift <= FIRST_SHIFT:
        return round_shift((value << (FIRST_SHIFT - shift)) * multiplier, FIRST_SHIFT, rounding)
    return round_shift(round_shift(value * multiplier, FIRST_SHIFT, rounding), shift - FIRST_SHIFT, second)
