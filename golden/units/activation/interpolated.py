"""A table with linear interpolation, as spec/units/activation/interpolated.py states it."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from bittrue.golden.fixed import shifted, wrap
from bittrue.golden.units.of_one_shape import in_shape_of
from bittrue.spec.units.activation import InterpolatedActivation


def run(unit: InterpolatedActivation, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays as the ports say, int64, "table" of rank 1 -> "index", "base", "slope" and "output", all in the shape of
    "codes"."""
    table, fraction = arrays["table"], arrays["input_bits"] - unit.index_bits
    u = arrays["codes"] - arrays["input_low"]
    index = u >> fraction
    base, following = table[index], table[index + 1]
    slope = _register(following - base, unit.wrap_bits)
    within = u - (index << fraction)  # the bits below the index
    line = (base << fraction) + slope * within
    output = _register(shifted(line, fraction + unit.fraction_bits, unit.rounding), unit.wrap_bits)
    return in_shape_of(arrays["codes"], {"index": index, "base": base, "slope": slope, "output": output})


def _register(value: Tensor, bits: int | None) -> Tensor:
    return value if bits is None else wrap(value, bits)
