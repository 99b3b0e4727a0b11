"""Nodes of an interpolated table, as spec/units/activation/interpolated.py says."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from bittrue.calibration.lowering.activation.formats import Channel, Lowered, values
from bittrue.calibration.lowering.tables import round_half_away, round_half_up
from bittrue.spec.arithmetic import clamp
from bittrue.spec.units.activation import InterpolatedActivation


def lower(unit: InterpolatedActivation, channel: Channel) -> Lowered:
    """2**index_bits + 1 entries."""
    entries = SAMPLES[unit.samples](unit, channel)
    low, high = (end << unit.fraction_bits for end in channel.codes_out)
    zero = channel.zero_out << unit.fraction_bits
    return Lowered({"table": values(*(clamp(entry + zero, low, high) for entry in entries))})


def _nodes(unit: InterpolatedActivation, channel: Channel) -> list[int]:
    low, high = channel.x_range
    # The node behind the last code is one code further.
    step = Fraction(high + 1 - low, 1 << unit.index_bits)
    return [round_half_up(_steps(unit, channel, low + index * step)) for index in range((1 << unit.index_bits) + 1)]


def _tflite(unit: InterpolatedActivation, channel: Channel) -> list[int]:
    low, high = channel.x_range
    step = Fraction(high - low, 1 << unit.index_bits)
    exact = [_steps(unit, channel, low + index * step) for index in range((1 << unit.index_bits) + 1)]
    entries = []
    for index, (here, following) in enumerate(zip(exact[:-1], exact[1:], strict=True)):
        sample = round_half_away(here)
        middle = round_half_away(_steps(unit, channel, low + (index + Fraction(1, 2)) * step))
        between = round_half_away((following + sample) / 2)
        entries.append(sample - round_half_away(Fraction(between - middle, 2)))
    return [*entries, round_half_away(exact[-1])]


def _fitted(unit: InterpolatedActivation, channel: Channel) -> list[int]:
    low, high = channel.x_range
    segments = 1 << unit.index_bits
    step = Fraction(high + 1 - low, segments)
    if step == 1:
        return _nodes(unit, channel)  # no code lies between two nodes
    reals = _function(channel.exact, channel.scale_in, low, step / 2, 2 * segments + 1)
    exact = [real / channel.scale_out * (1 << unit.fraction_bits) for real in reals]
    above = [(exact[at - 1] + exact[at + 1]) / 2 - exact[at] for at in range(1, 2 * segments, 2)]
    beside = [above[0], *above, above[-1]]
    return [round_half_up(exact[2 * index] - (beside[index] + beside[index + 1]) / 3) for index in range(segments + 1)]


@lru_cache(maxsize=4)
def _function(
    exact: Callable[[Fraction], Fraction], scale_in: Fraction, low: int, step: Fraction, count: int
) -> tuple[Fraction, ...]:
    """The function at equal distances. Kept: the channels of a tensor differ in their output's scale alone."""
    return tuple(exact((low + index * step) * scale_in) for index in range(count))


SAMPLES: dict[str, Callable[[InterpolatedActivation, Channel], list[int]]] = {
    "nodes": _nodes,
    "fitted": _fitted,
    "tflite": _tflite,
}


def _steps(unit: InterpolatedActivation, channel: Channel, x: Fraction) -> Fraction:
    """The function of x input steps, in steps of a table entry, without zero point."""
    return channel.exact(x * channel.scale_in) / channel.scale_out * (1 << unit.fraction_bits)
