"""add of tensors whose scales are powers of two; see spec/units/add/power_of_two.py."""

from __future__ import annotations

import numpy as np

from bittrue.simulator.fixed import ROUNDING_CODES, clamp, round_shift
from bittrue.simulator.jit import jit
from bittrue.simulator.units.add.elements import Matrix, Results, column, matrices, results
from bittrue.spec.units.add import PowerOfTwoAdd
from bittrue.spec.units.section import Arrays

PARAMETERS = ("zero_point_a", "zero_point_b", "shift_a", "shift_b", "shift", "zero_point", "low", "high")


def run(unit: PowerOfTwoAdd, arrays: Arrays) -> Results:
    """Codes and parameters, broadcastable -> accumulator, rounded, output."""
    shape, codes, parameters = matrices(arrays, PARAMETERS)
    found = np.empty((len(unit.stages) + 1, codes.shape[1]), np.int64)
    _add(codes, parameters, ROUNDING_CODES[unit.rounding], found)
    return results(unit.stages, shape, found)


@jit
def _add(codes: Matrix, parameters: Matrix, rounding: int, found: Matrix) -> None:
    for i in range(codes.shape[1]):
        zero_a, zero_b, shift_a, shift_b, shift, zero_point, low, high = parameters[:, column(parameters, i)]
        total = ((codes[0, i] - zero_a) << shift_a) + ((codes[1, i] - zero_b) << shift_b)
        rounded = total if shift == 0 else round_shift(total, shift, rounding)
        found[0, i], found[1, i] = total, rounded
        found[2, i] = clamp(rounded + zero_point, low, high)
