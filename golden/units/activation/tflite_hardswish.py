"""TFLite's HARD_SWISH, as spec/units/activation/tflite_hardswish.py states it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.fixed import clamp, saturate, shifted
from bittrue.golden.units.of_one_shape import in_shape_of
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.activation import TfliteHardswish


def run(unit: TfliteHardswish, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays as the ports say, int64 -> "scaled", "gate", "product" and "output" in the shape of "codes"."""
    hires = (arrays["codes"] - arrays["input_zero_point"]) * 128
    scaled = _high(hires, arrays["output_multiplier"])
    gate = _gate(hires, arrays["gate_multiplier"], arrays["gate_exponent"])
    product = torch.div(gate * scaled, 1 << 15, rounding_mode="trunc")
    output = shifted(product, arrays["output_shift"], Rounding.HALF_AWAY) + arrays["output_zero_point"]
    output = clamp(output, arrays["low"], arrays["high"])
    return in_shape_of(arrays["codes"], {"scaled": scaled, "gate": gate, "product": product, "output": output})


def _gate(hires: Tensor, multiplier: Tensor, exponent: Tensor) -> Tensor:
    """clamp(x + 3, 0, 6) / 6 as Q0.15."""
    left = exponent.clamp(min=1) - 1
    entered = torch.where(exponent > 0, saturate(hires << left, 16), hires)
    high = _high(entered, multiplier)
    doubled = saturate(high * 2, 16)
    lowered = shifted(high, (-exponent).clamp(min=0), Rounding.HALF_AWAY)  # exponent 0: as it is
    return (torch.where(exponent > 0, doubled, lowered) + (1 << 15)) >> 1


def _high(a: Tensor, b: Tensor) -> Tensor:
    """H(a, b): the high half of a 16-bit product, half up."""
    return torch.div(a * b + (1 << 14), 1 << 15, rounding_mode="floor")
