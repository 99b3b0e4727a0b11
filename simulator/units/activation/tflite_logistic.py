"""TFLite's LOGISTIC on int16, fast; see spec/units/activation/tflite_logistic.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import jit
from bittrue.simulator.units.activation.elements import Flat, codes_of, each, flat, results
from bittrue.spec.units.activation import TfliteLogistic
from bittrue.spec.units.activation.tflite_logistic import logistic_table
from bittrue.spec.units.section import Arrays


def run(unit: TfliteLogistic, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes of any shape -> "scaled", "index", "interpolated" and "output" of that shape."""
    found = results(arrays, *unit.stages, "output")
    multiplier, shift = each(arrays, "multiplier", "shift")
    _logistic(
        codes_of(arrays),
        multiplier,
        shift,
        np.array(logistic_table(), np.int64),
        *flat(found),
    )
    return found


@jit
def _logistic(
    codes: Flat,
    multiplier: Flat,
    shift: Flat,
    table: Flat,
    scaled: Flat,
    index: Flat,
    interpolated: Flat,
    output: Flat,
) -> None:
    for i in range(codes.size):
        right, value = shift[i % shift.size], codes[i] * multiplier[i % multiplier.size]
        if right > 0:
            value = (value + (1 << (right - 1))) >> right
        distance = abs(value)
        entry = min(distance >> 9, 255)
        if entry == 255:
            between = np.int64(32767 << 10)
        else:
            between = (table[entry] << 9) + (distance & 511) * (table[entry + 1] - table[entry])
        scaled[i], index[i], interpolated[i] = value, entry, between
        output[i] = ((between if value >= 0 else (1 << 25) - 1 - between) + 512) >> 10
