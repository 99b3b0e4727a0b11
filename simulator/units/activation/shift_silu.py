"""sigmoid, silu and gelu by shifts, fast; see spec/units/activation/shift_silu.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import jit
from bittrue.simulator.units.activation.elements import Flat, codes_of, each, flat, results
from bittrue.spec.units.activation import ShiftSilu
from bittrue.spec.units.section import Arrays

INT32_MAX = (1 << 31) - 1


def run(unit: ShiftSilu, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes [..., n] -> the unit's stages and "output", each of that shape; a row maximum runs along n."""
    found = results(arrays, *unit.stages, "output")
    shape = np.shape(arrays["codes"])
    zero_point, one = each(arrays, "input_zero_point", "one")
    _shifted(
        codes_of(arrays),
        zero_point,
        one,
        np.array(unit.argument_shifts, np.int64),
        unit.fraction_bits,
        unit.sigmoid_bits,
        unit.product,
        # A row of 0 stands for: every element on its own, with 0 in the maximum.
        0 if unit.elementwise else shape[-1],
        *flat(found),
    )
    return found


@jit
def _shift_exponential(value: int, one: int, fraction_bits: int) -> int:
    power = max(value + (value >> 1) - (value >> 4), -fraction_bits * one)
    # floor(-power / one) is an octave count; the compiled quotient floors too.
    octaves = -power // one
    return ((power + one * octaves + 2 * one) << (fraction_bits - octaves)) >> 1


@jit
def _shifted(
    codes: Flat,
    zero_point: Flat,
    one: Flat,
    argument_shifts: Flat,
    fraction_bits: int,
    sigmoid_bits: int,
    product: bool,
    row: int,
    argument: Flat,
    maximum: Flat,
    exponential: Flat,
    total: Flat,
    factor: Flat,
    sigmoid: Flat,
    output: Flat,
) -> None:
    for i in range(codes.size):
        x = codes[i] - zero_point[i % zero_point.size]
        held = x
        for s in argument_shifts:
            held += x >> s
        argument[i] = held
        maximum[i] = max(held, 0)
    if row > 0:
        for start in range(0, codes.size, row):
            largest = argument[start]
            for i in range(start, start + row):
                largest = max(largest, argument[i])
            for i in range(start, start + row):
                maximum[i] = largest
    for i in range(codes.size):
        step, m = one[i % one.size], maximum[i]
        e = _shift_exponential(argument[i] - m, step, fraction_bits)
        s = min(e + _shift_exponential(-m, step, fraction_bits), INT32_MAX)
        r = INT32_MAX // s
        g = (e * r) >> (32 - sigmoid_bits)
        exponential[i], total[i], factor[i], sigmoid[i] = e, s, r, g
        output[i] = (codes[i] - zero_point[i % zero_point.size]) * g if product else g
