"""add by two multipliers and one shift; see spec/units/add/two_multipliers.py."""

from __future__ import annotations

import numpy as np

from bittrue.simulator.fixed import ROUNDING_CODES, clamp, round_shift, saturate
from bittrue.simulator.jit import jit
from bittrue.simulator.units.add.elements import Matrix, Results, column, matrices, results
from bittrue.spec.units.add import TwoMultipliersAdd
from bittrue.spec.units.section import Arrays

PARAMETERS = (
    "zero_point_a", "zero_point_b", "multiplier_a", "multiplier_b", "shift", "zero_point", "low", "high",
)  # fmt: skip
STAGES = ("accumulator", "rounded", "limited")
UNLIMITED = 0
"""Stands for a register behind the shift that the unit does not have."""


def run(unit: TwoMultipliersAdd, arrays: Arrays) -> Results:
    """Codes and parameters, broadcastable -> accumulator, rounded, limited where there is one, output."""
    shape, codes, parameters = matrices(arrays, PARAMETERS)
    found = np.empty((len(STAGES) + 1, codes.shape[1]), np.int64)
    _add(codes, parameters, unit.shifted_bits or UNLIMITED, ROUNDING_CODES[unit.rounding], found)
    by_name = results(STAGES, shape, found)
    return {name: by_name[name] for name in (*unit.stages, "output")}


@jit
def _add(codes: Matrix, parameters: Matrix, shifted_bits: int, rounding: int, found: Matrix) -> None:
    for i in range(codes.shape[1]):
        zero_a, zero_b, multiplier_a, multiplier_b, shift, zero_point, low, high = parameters[:, column(parameters, i)]
        total = (codes[0, i] - zero_a) * multiplier_a + (codes[1, i] - zero_b) * multiplier_b
        rounded = round_shift(total, shift, rounding)
        limited = rounded if shifted_bits == UNLIMITED else saturate(rounded, shifted_bits)
        found[0, i], found[1, i], found[2, i] = total, rounded, limited
        found[3, i] = clamp(limited + zero_point, low, high)
