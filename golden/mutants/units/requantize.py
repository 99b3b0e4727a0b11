"""The requantizer as words: product, rounding shift, zero point, clamp; see spec/units/requantization.py."""

from __future__ import annotations

from bittrue.golden.mutants.builder import Words
from bittrue.golden.mutants.words import Interval
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.requantization import RequantizationUnit

ZERO_POINT: Interval = (-(1 << 30), (1 << 30) - 1)
"""Any zero point that a tensor may have (docs/arithmetic.md)."""
LIMIT: Interval = (-(1 << 15), (1 << 16) - 1)
"""Ends of output codes of at most 16 bits."""


def check(unit: RequantizationUnit, where: str) -> None:
    """Refuse requantizers that have no graph yet."""
    if unit.kind != "integer" or unit.second is not None or not unit.plain or unit.bias != "none" or unit.offset:
        raise Unsupported(
            "this requantizer has no graph of words",
            where=where,
            got=f"kind {unit.kind}, bias {unit.bias}, {'two roundings' if unit.second else 'one rounding'}",
            expected="integer, one rounding, no registers between the product and the clamp",
        )


def requantize_words(words: Words, unit: RequantizationUnit, accumulator: str) -> None:
    """Append stages product .. output behind the wire of an accumulator."""
    signed = unit.multiplier_signed
    top = 1 << unit.multiplier_bits
    multiplier = words.port("multiplier", -top if signed else 0, top - 1)
    shift = words.port("shift", 0 if unit.shift_min <= 1 else unit.shift_min, unit.shift_max)
    ends = words.interval(accumulator), words.interval(multiplier)
    reach = max(abs(a * b) for a in ends[0] for b in ends[1])
    limit = min(reach, (1 << 63) - (1 << 61) - 1)  # a larger one is refused (spec/units/core.py)
    words.node("product", "mul", accumulator, multiplier, proved=(-limit, limit))
    words.round_shift("rounded", "product", shift, unit.rounding, (-limit, limit))
    end_words(words, "rounded", unit.zero_point, staged=True)


def end_words(words: Words, value: str, place: str = "after_shift", *, staged: bool = False) -> None:
    """Zero point and limits, the same behind every unit. staged: whether the sum in between is a stage, `placed`."""
    zero_point = words.port("zero_point", *ZERO_POINT) if place != "none" else ""
    low, high = words.port("low", *LIMIT), words.port("high", *LIMIT)
    words.ordered.append((low, high))
    if place == "after_shift":
        words.clamp("output", _placed(words, value, zero_point, staged), low, high, LIMIT)
    elif place == "after_saturation":
        limited = words.clamp("saturated", value, low, high, LIMIT)
        words.clamp("output", words.node("moved", "add", limited, zero_point), low, high, LIMIT)
    else:
        words.clamp("output", value, low, high, LIMIT)


def _placed(words: Words, value: str, zero_point: str, staged: bool) -> str:
    return words.node("placed" if staged else "sum_placed", "add", value, zero_point)
