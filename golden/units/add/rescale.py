"""add by three requantizers, as spec/units/add/rescale.py states it."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from bittrue.golden.fixed import clamp, round_shift, shifted
from bittrue.golden.units.of_one_shape import of_one_shape
from bittrue.spec.units.add import RescaleAdd

FIRST_SHIFT = 31


def run(unit: RescaleAdd, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays as the ports say, int64 -> "scaled_a", "scaled_b", "accumulator", "rounded" and "output", all in the shape
    in which the arrays broadcast."""
    scaled = {}
    for operand in ("a", "b"):
        lifted = (arrays[operand] - arrays[f"zero_point_{operand}"]) << arrays["left_shift"]
        scaled[operand] = _requantized(unit, lifted, arrays[f"multiplier_{operand}"], arrays[f"shift_{operand}"])
    accumulator = scaled["a"] + scaled["b"]
    rounded = _requantized(unit, accumulator, arrays["multiplier"], arrays["shift"])
    return of_one_shape(
        {
            "scaled_a": scaled["a"],
            "scaled_b": scaled["b"],
            "accumulator": accumulator,
            "rounded": rounded,
            "output": clamp(rounded + arrays["zero_point"], arrays["low"], arrays["high"]),
        }
    )


def _requantized(unit: RescaleAdd, value: Tensor, multiplier: Tensor, shift: Tensor) -> Tensor:
    """S: value * multiplier / 2**shift, rounded once, or by 31 bits and then by what is left."""
    if unit.second is None:
        return round_shift(value * multiplier, shift, unit.rounding)
    lifted = value << (FIRST_SHIFT - shift).clamp(min=0)
    high = round_shift(lifted * multiplier, FIRST_SHIFT, unit.rounding)
    return shifted(high, (shift - FIRST_SHIFT).clamp(min=0), unit.second)
