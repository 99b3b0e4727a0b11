"""TFLite's HARD_SWISH, fast; see spec/units/activation/tflite_hardswish.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import HALF_AWAY, HALF_UP, TOWARD_ZERO, clamp, round_shift, saturate
from bittrue.simulator.jit import jit
from bittrue.simulator.units.activation.elements import Flat, codes_of, each, flat, results
from bittrue.spec.units.activation import TfliteHardswish
from bittrue.spec.units.section import Arrays


def run(unit: TfliteHardswish, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes of any shape -> "scaled", "gate", "product" and "output" of that shape."""
    found = results(arrays, *unit.stages, "output")
    zero_in, zero_out, low, high = each(arrays, "input_zero_point", "output_zero_point", "low", "high")
    output_multiplier, output_shift, gate_multiplier, gate_exponent = each(
        arrays, "output_multiplier", "output_shift", "gate_multiplier", "gate_exponent"
    )
    _hardswish(
        codes_of(arrays),
        zero_in,
        zero_out,
        low,
        high,
        output_multiplier,
        output_shift,
        gate_multiplier,
        gate_exponent,
        *flat(found),
    )
    return found


@jit
def _hardswish(
    codes: Flat,
    zero_in: Flat,
    zero_out: Flat,
    low: Flat,
    high: Flat,
    output_multiplier: Flat,
    output_shift: Flat,
    gate_multiplier: Flat,
    gate_exponent: Flat,
    scaled: Flat,
    gate: Flat,
    product: Flat,
    output: Flat,
) -> None:
    for i in range(codes.size):
        fine = (codes[i] - zero_in[i % zero_in.size]) << 7
        scaled[i] = round_shift(fine * output_multiplier[i % output_multiplier.size], 15, HALF_UP)
        exponent, held = gate_exponent[i % gate_exponent.size], fine
        if exponent > 0:
            held = saturate(held << (exponent - 1), 16)
        held = round_shift(held * gate_multiplier[i % gate_multiplier.size], 15, HALF_UP)
        if exponent > 0:
            held = saturate(held << 1, 16)
        elif exponent < 0:
            held = round_shift(held, -exponent, HALF_AWAY)
        gate[i] = (held + (1 << 15)) >> 1
        product[i] = round_shift(gate[i] * scaled[i], 15, TOWARD_ZERO)
        shift, placed = output_shift[i % output_shift.size], product[i]
        if shift > 0:
            placed = round_shift(placed, shift, HALF_AWAY)
        output[i] = clamp(placed + zero_out[i % zero_out.size], low[i % low.size], high[i % high.size])
