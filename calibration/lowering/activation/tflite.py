"""Constants of TFLite's HARD_SWISH and 16-bit LOGISTIC, as spec/units/activation/tflite_*.py say.

The scales are float32 there, so each is rounded to float32 first; every quotient is one IEEE operation.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from bittrue.calibration.lowering.activation.formats import Channel, Lowered, value
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.activation import TfliteHardswish, TfliteLogistic


def lower_hardswish(unit: TfliteHardswish, channel: Channel) -> Lowered:
    """Two 16-bit multipliers with their exponents."""
    fine = np.float32(1 / 128) * _float32(channel.scale_in)
    output, exponent = _multiplier(fine / _float32(channel.scale_out))
    if exponent > 0:
        raise IllFormed(
            "TFLite's hard-swish needs an output scale above 1/128 of the input scale",
            got=f"{float(channel.scale_out):.6g} from {float(channel.scale_in):.6g}",
        )
    gate, gate_exponent = _multiplier(fine / (np.float32(3) / np.float32(32768)))
    return Lowered(
        {
            "output_multiplier": value(output),
            "output_shift": value(-exponent),
            "gate_multiplier": value(gate),
            "gate_exponent": value(gate_exponent),
        }
    )


def lower_logistic(unit: TfliteLogistic, channel: Channel) -> Lowered:
    """Multiplier and shift that bring the input to 3 * 4096 steps in 1."""
    if channel.scale_out != Fraction(1, 1 << 15):
        raise IllFormed("the 16-bit logistic gives the scale 2**-15", got=float(channel.scale_out), expected=2.0**-15)
    scale = Fraction(float(_float32(channel.scale_in)))
    if abs(math.log2(scale * 4096)) < 1e-3:
        return Lowered({"multiplier": value(3), "shift": value(0)})
    multiplier, shift = scale * 3 * 4096, 0
    while multiplier <= Fraction(32767, 2) and shift <= 30:
        multiplier, shift = multiplier * 2, shift + 1
    if multiplier >= 1 << 15:
        raise IllFormed("the input scale is too coarse for the 16-bit logistic", got=float(scale))
    return Lowered({"multiplier": value(math.floor(multiplier)), "shift": value(shift)})


def _multiplier(real: np.float32) -> tuple[int, int]:
    """(m, e) with real = m / 2**15 * 2**e, m in [2**14, 2**15), rounded at 31 bits (exact here) and then at 15."""
    mantissa, exponent = math.frexp(float(real))
    return min((int(mantissa * (1 << 31)) + (1 << 15)) >> 16, 32767), exponent


def _float32(scale: Fraction) -> np.float32:
    return np.float32(float(scale))
