"""Straight lines between breakpoints, as spec/units/activation/piecewise.py states them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.fixed import clamp, round_shift
from bittrue.golden.units.of_one_shape import in_shape_of
from bittrue.spec.units.activation import PiecewiseActivation


def run(unit: PiecewiseActivation, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays as the ports say, int64, "breakpoints", "slope" and "offset" of rank 1 -> "segment", "scaled", "rounded"
    and "output", all in the shape of "codes"."""
    x = arrays["codes"] - arrays["input_zero_point"]
    segment = torch.zeros_like(x)
    for breakpoint in arrays["breakpoints"].unbind():  # a comparator each, and a count of those that answer
        segment = segment + (breakpoint <= x)
    scaled = x * arrays["slope"][segment] + arrays["offset"][segment]
    rounded = round_shift(scaled, arrays["shift"], unit.rounding)
    output = clamp(rounded + arrays["output_zero_point"], arrays["low"], arrays["high"])
    return in_shape_of(arrays["codes"], {"segment": segment, "scaled": scaled, "rounded": rounded, "output": output})
