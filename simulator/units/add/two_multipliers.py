"""add by two multipliers and one shift; see spec/units/add/two_multipliers.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from bittrue.simulator.fixed import ROUNDING_CODES, clamp, round_shift, saturate
from bittrue.simulator.jit import jit, parallel_jit, prange
from bittrue.simulator.units.add.elements import Matrix, Results, column, matrices, results
from bittrue.spec.units.add import TwoMultipliersAdd
from bittrue.spec.units.section import Arrays, Integers

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


def narrow(unit: TwoMultipliersAdd, arrays: Arrays, dtype: DTypeLike) -> Integers:
    """The output alone, in the type of its codes; a and b of one shape, every parameter one value."""
    a, b = (np.require(arrays[name], requirements=["C", "W"]) for name in ("a", "b"))
    zero_a, zero_b, multiplier_a, multiplier_b, shift, zero_point, low, high = (
        int(arrays[name][0]) for name in PARAMETERS
    )
    output = np.empty(a.shape, dtype)
    shifted_bits, rounding = unit.shifted_bits or UNLIMITED, ROUNDING_CODES[unit.rounding]
    _add_alike(
        a.reshape(-1),
        b.reshape(-1),
        zero_a,
        zero_b,
        multiplier_a,
        multiplier_b,
        shift,
        zero_point,
        low,
        high,
        shifted_bits,
        rounding,
        output.reshape(-1),
    )
    return output


@parallel_jit
def _add_alike(
    a: Integers,
    b: Integers,
    zero_a: int,
    zero_b: int,
    multiplier_a: int,
    multiplier_b: int,
    shift: int,
    zero_point: int,
    low: int,
    high: int,
    shifted_bits: int,
    rounding: int,
    output: Integers,
) -> None:
    for i in prange(output.size):
        total = (np.int64(a[i]) - zero_a) * multiplier_a + (np.int64(b[i]) - zero_b) * multiplier_b
        rounded = round_shift(total, shift, rounding)
        if shifted_bits != UNLIMITED:
            rounded = saturate(rounded, shifted_bits)
        output[i] = clamp(rounded + zero_point, low, high)


@jit
def _add(codes: Matrix, parameters: Matrix, shifted_bits: int, rounding: int, found: Matrix) -> None:
    for i in range(codes.shape[1]):
        zero_a, zero_b, multiplier_a, multiplier_b, shift, zero_point, low, high = parameters[:, column(parameters, i)]
        total = (codes[0, i] - zero_a) * multiplier_a + (codes[1, i] - zero_b) * multiplier_b
        rounded = round_shift(total, shift, rounding)
        limited = rounded if shifted_bits == UNLIMITED else saturate(rounded, shifted_bits)
        found[0, i], found[1, i], found[2, i] = total, rounded, limited
        found[3, i] = clamp(limited + zero_point, low, high)
