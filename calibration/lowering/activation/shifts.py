"""Constants of the units that need 1, 3 or 6 in input steps: shift_silu, hardswish, relu and clamp."""

from __future__ import annotations

import math
from fractions import Fraction

from bittrue.calibration.lowering.activation.formats import Channel, Lowered, value
from bittrue.calibration.lowering.tables import round_half_up
from bittrue.spec.arithmetic import clamp
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.activation import Clamp, Hardswish, Relu, ShiftSilu

GELU_SLOPE = Fraction(1702, 1000)
"""gelu(x) is close to x * sigmoid(1.702 * x)."""


def lower_shift_silu(unit: ShiftSilu, channel: Channel) -> Lowered:
    """spec/units/activation/shift_silu.py."""
    slope = GELU_SLOPE if channel.function == "gelu" and not unit.argument_shifts else Fraction(1)
    gain = channel.scale_in if unit.product else Fraction(1)
    ratio = gain / (1 << (unit.sigmoid_bits - 1)) / channel.scale_out
    return Lowered({"one": value(math.ceil(1 / (slope * channel.scale_in)))}, ratio)


def lower_hardswish(unit: Hardswish, channel: Channel) -> Lowered:
    """spec/units/activation/hardswish.py."""
    sixth = Fraction(1 << unit.output_shift) if unit.sixth_shifts else Fraction(1, 6)
    gain = channel.scale_in if unit.product else Fraction(1)
    ratio = gain * channel.scale_in * sixth / channel.scale_out
    constants = {"three": value(_steps(channel, 3)), "six": value(_steps(channel, 6))}
    return Lowered(constants, ratio)


def lower_relu(unit: Relu, channel: Channel) -> Lowered:
    """spec/units/activation/relu.py."""
    upper = max(channel.x_range[1], 0)
    if channel.function == "relu6":
        upper = min(upper, _steps(channel, 6))
    return Lowered({"upper": value(upper)}, channel.scale_in / channel.scale_out)


def lower_clamp(unit: Clamp, channel: Channel) -> Lowered:
    """spec/units/activation/clamp.py."""
    if (channel.scale_in, channel.zero_in) != (channel.scale_out, channel.zero_out):
        raise IllFormed(
            "a clamp of codes needs one scale and zero point on both sides",
            got=f"scales {float(channel.scale_in):.6g} and {float(channel.scale_out):.6g}, "
            f"zero points {channel.zero_in} and {channel.zero_out}",
            next_step='use kind = "relu", which the requantizer follows',
        )
    low, high = channel.codes_out
    upper = channel.zero_in + _steps(channel, 6) if channel.function == "relu6" else high
    return Lowered(
        {"lower": value(clamp(channel.zero_in, low, high)), "upper": value(clamp(upper, low, high))},
    )


def _steps(channel: Channel, real: int) -> int:
    return round_half_up(real / channel.scale_in)
