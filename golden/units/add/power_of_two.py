"""add by shifts, as spec/units/add/power_of_two.py states it."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from bittrue.golden.fixed import clamp, shifted
from bittrue.golden.units.of_one_shape import of_one_shape
from bittrue.spec.units.add import PowerOfTwoAdd


def run(unit: PowerOfTwoAdd, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays as the ports say, int64 -> "accumulator", "rounded" and "output", all in the shape in which the arrays
    broadcast."""
    a, b = arrays["a"] - arrays["zero_point_a"], arrays["b"] - arrays["zero_point_b"]
    accumulator = (a << arrays["shift_a"]) + (b << arrays["shift_b"])
    rounded = shifted(accumulator, arrays["shift"], unit.rounding)
    output = clamp(rounded + arrays["zero_point"], arrays["low"], arrays["high"])
    return of_one_shape({"accumulator": accumulator, "rounded": rounded, "output": output})
