"""Breakpoints and lines, as spec/units/activation/piecewise.py says."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

from bittrue.calibration.lowering.activation.formats import Channel, Lowered, value, values
from bittrue.calibration.lowering.tables import FUNCTIONS, round_half_up
from bittrue.spec.arithmetic import clamp, code_range
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.activation import PiecewiseActivation

Line = tuple[Fraction, Fraction]
"""Slope and offset."""

RIGHT: dict[str, Line] = {
    "silu": (Fraction(1), Fraction(0)),
    "gelu": (Fraction(1), Fraction(0)),
    "hardswish": (Fraction(1), Fraction(0)),
    "relu": (Fraction(1), Fraction(0)),
    "sigmoid": (Fraction(0), Fraction(1)),
    "hardsigmoid": (Fraction(0), Fraction(1)),
    "relu6": (Fraction(0), Fraction(6)),
}
"""What each function tends to on the right; on the left all tend to 0."""


def lower(unit: PiecewiseActivation, channel: Channel) -> Lowered:
    """Breakpoints on the input's codes, lines on the output's scale, the largest shift that fits."""
    ends, lines = real_lines(channel.function, unit.segments, unit.limit)
    least, most = channel.x_range
    breakpoints = [clamp(math.ceil(end / channel.scale_in), least, most + 1) for end in ends]
    edges = [least, *breakpoints, most + 1]
    zero = (Fraction(0), Fraction(0))
    scaled = [
        (slope * channel.scale_in / channel.scale_out, offset / channel.scale_out) if left < right else zero
        for (slope, offset), left, right in zip(lines, edges[:-1], edges[1:], strict=True)
    ]
    shift = _largest_shift(unit, scaled)
    return Lowered(
        {
            "breakpoints": values(*breakpoints),
            "slope": values(*(round_half_up(slope * (1 << shift)) for slope, _ in scaled)),
            "offset": values(*(round_half_up(offset * (1 << shift)) for _, offset in scaled)),
            "shift": value(shift),
        }
    )


@cache
def real_lines(function: str, segments: int, limit: int) -> tuple[tuple[Fraction, ...], tuple[Line, ...]]:
    """The ends of the segments [segments + 1] and the lines [segments + 2], all real."""
    exact = FUNCTIONS[function]
    ends = tuple(Fraction(2 * limit * index, segments) - limit for index in range(segments + 1))
    heights = [exact(end) for end in ends]
    slopes = [(b - a) * segments / (2 * limit) for a, b in zip(heights[:-1], heights[1:], strict=True)]
    inner = tuple((slope, y - slope * x) for slope, x, y in zip(slopes, ends[:-1], heights[:-1], strict=True))
    return ends, ((Fraction(0), Fraction(0)), *inner, RIGHT[function])


def _largest_shift(unit: PiecewiseActivation, lines: list[Line]) -> int:
    for shift in range(unit.shift_max, 0, -1):
        factor = 1 << shift
        if all(
            _fits(slope * factor, unit.slope_bits) and _fits(offset * factor, unit.offset_bits)
            for slope, offset in lines
        ):
            return shift
    raise IllFormed(
        "the lines of a piecewise activation do not fit the unit",
        got=f"slopes up to {max(abs(float(slope)) for slope, _ in lines):.4g}, "
        f"offsets up to {max(abs(float(offset)) for _, offset in lines):.4g} output steps",
        expected=f"{unit.slope_bits} and {unit.offset_bits} bits with at least 1 fraction bit",
        next_step="choose a coarser output scale, or wider slopes and offsets",
    )


def _fits(number: Fraction, bits: int) -> bool:
    low, high = code_range(bits, signed=True)
    return low <= round_half_up(number) <= high
