"""I-ViT's sigmoid by a shift exponential, as spec/units/activation/shift_silu.py states it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.units.of_one_shape import in_shape_of
from bittrue.spec.units.activation import ShiftSilu

LARGEST_INT32 = 2**31 - 1


def run(unit: ShiftSilu, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays as the ports say, int64; rows are the last axis of "codes" -> "argument", "maximum", "exponential", "sum",
    "factor", "sigmoid" and "output", all in the shape of "codes"."""
    x, one = arrays["codes"] - arrays["input_zero_point"], arrays["one"]
    argument = x
    for shift in unit.argument_shifts:
        argument = argument + (x >> shift)
    maximum = argument.amax(dim=-1, keepdim=True) if unit.maximum == "row" else argument.clamp(min=0)
    exponential = _exponential(unit, argument - maximum, one)
    total = (exponential + _exponential(unit, -maximum, one)).clamp(max=LARGEST_INT32)
    factor = torch.div(torch.full_like(total, LARGEST_INT32), total, rounding_mode="floor")
    sigmoid = (exponential * factor) >> (32 - unit.sigmoid_bits)
    return in_shape_of(
        arrays["codes"],
        {
            "argument": argument,
            "maximum": maximum,
            "exponential": exponential,
            "sum": total,
            "factor": factor,
            "sigmoid": sigmoid,
            "output": x * sigmoid if unit.product else sigmoid,
        },
    )


def _exponential(unit: ShiftSilu, d: Tensor, one: Tensor) -> Tensor:
    """E(d): 2**(d * 1.4375 / one) with fraction_bits fraction bits, times `one`."""
    p = d + (d >> 1) - (d >> 4)
    p = torch.maximum(p, -unit.fraction_bits * one)
    k = torch.div(-p, one, rounding_mode="floor")
    mantissa = p + one * k + 2 * one
    return (mantissa << (unit.fraction_bits - k)) >> 1
