"""add by two multipliers and one shift, as spec/units/add/two_multipliers.py states it."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from bittrue.golden.fixed import clamp, round_shift, saturate
from bittrue.golden.units.of_one_shape import of_one_shape
from bittrue.spec.units.add import TwoMultipliersAdd


def run(unit: TwoMultipliersAdd, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays as the ports say, int64 -> "accumulator", "rounded", "limited" (with shifted_bits) and "output", all in
    the shape in which the arrays broadcast."""
    a, b = arrays["a"] - arrays["zero_point_a"], arrays["b"] - arrays["zero_point_b"]
    found = {"accumulator": a * arrays["multiplier_a"] + b * arrays["multiplier_b"]}
    value = found["rounded"] = round_shift(found["accumulator"], arrays["shift"], unit.rounding)
    if unit.shifted_bits is not None:
        value = found["limited"] = saturate(value, unit.shifted_bits)
    found["output"] = clamp(value + arrays["zero_point"], arrays["low"], arrays["high"])
    return of_one_shape(found)
