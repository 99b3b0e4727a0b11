"""Activation by an interpolated table, fast; see spec/units/activation/interpolated.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, round_shift, wrap
from bittrue.simulator.jit import jit
from bittrue.simulator.units.activation.elements import Flat, codes_of, flat, one, results, whole
from bittrue.spec.units.activation import InterpolatedActivation
from bittrue.spec.units.section import Arrays


def run(unit: InterpolatedActivation, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes of any shape and one table -> "index", "base", "slope" and "output" of that shape."""
    found = results(arrays, *unit.stages, "output")
    (table,) = whole(arrays, "table")
    _interpolate(
        codes_of(arrays),
        table,
        one(arrays, "input_low"),
        one(arrays, "input_bits") - unit.index_bits,
        unit.fraction_bits,
        0 if unit.wrap_bits is None else unit.wrap_bits,
        ROUNDING_CODES[unit.rounding],
        *flat(found),
    )
    return found


@jit
def _interpolate(
    codes: Flat,
    table: Flat,
    lowest: int,
    step_bits: int,
    fraction_bits: int,
    wrap_bits: int,
    rounding: int,
    index: Flat,
    base: Flat,
    slope: Flat,
    output: Flat,
) -> None:
    shift = step_bits + fraction_bits
    for i in range(codes.size):
        distance = codes[i] - lowest
        node = distance >> step_bits
        here = table[node]
        rise = table[node + 1] - here
        if wrap_bits:
            rise = wrap(rise, wrap_bits)
        value = (here << step_bits) + rise * (distance - (node << step_bits))
        if shift > 0:
            value = round_shift(value, shift, rounding)
        if wrap_bits:
            value = wrap(value, wrap_bits)
        index[i], base[i], slope[i], output[i] = node, here, rise, value
