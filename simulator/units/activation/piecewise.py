"""Activation by straight lines, fast; see spec/units/activation/piecewise.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, clamp, round_shift
from bittrue.simulator.jit import jit
from bittrue.simulator.units.activation.elements import Flat, codes_of, each, flat, results, whole
from bittrue.spec.units.activation import PiecewiseActivation
from bittrue.spec.units.section import Arrays


def run(unit: PiecewiseActivation, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes of any shape -> "segment", "scaled", "rounded" and "output" of that shape."""
    found = results(arrays, *unit.stages, "output")
    zero_in, zero_out, low, high, shift = each(arrays, "input_zero_point", "output_zero_point", "low", "high", "shift")
    breakpoints, slope, offset = whole(arrays, "breakpoints", "slope", "offset")
    _lines(
        codes_of(arrays),
        zero_in,
        zero_out,
        low,
        high,
        shift,
        breakpoints,
        slope,
        offset,
        ROUNDING_CODES[unit.rounding],
        *flat(found),
    )
    return found


@jit
def _lines(
    codes: Flat,
    zero_in: Flat,
    zero_out: Flat,
    low: Flat,
    high: Flat,
    shift: Flat,
    breakpoints: Flat,
    slope: Flat,
    offset: Flat,
    rounding: int,
    segment: Flat,
    scaled: Flat,
    rounded: Flat,
    output: Flat,
) -> None:
    for i in range(codes.size):
        x = codes[i] - zero_in[i % zero_in.size]
        first, last = 0, breakpoints.size  # halve until the first breakpoint above x is known
        while first < last:
            middle = (first + last) >> 1
            if breakpoints[middle] <= x:
                first = middle + 1
            else:
                last = middle
        line = x * slope[first] + offset[first]
        near = round_shift(line, shift[i % shift.size], rounding)
        placed = near + zero_out[i % zero_out.size]
        segment[i], scaled[i], rounded[i] = first, line, near
        output[i] = clamp(placed, low[i % low.size], high[i % high.size])
