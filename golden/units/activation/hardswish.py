"""x * clamp(x + 3, 0, 6) / 6 on integers, as spec/units/activation/hardswish.py states it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.fixed import clamp, wrap
from bittrue.golden.units.of_one_shape import in_shape_of
from bittrue.spec.units.activation import Hardswish


def run(unit: Hardswish, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays as the ports say, int64 -> "gate", "product" and "output" in the shape of "codes"."""
    x = arrays["codes"] - arrays["input_zero_point"]
    shifted = _register(x + arrays["three"], unit.sum_bits)
    gate = clamp(shifted, 0, arrays["six"])
    product = x * gate if unit.product else gate
    output = product
    if unit.sixth_shifts:
        sixth = torch.stack([product >> shift for shift in unit.sixth_shifts]).sum(dim=0)
        output = _register(sixth >> unit.output_shift, unit.output_bits)
    return in_shape_of(arrays["codes"], {"gate": gate, "product": product, "output": output})


def _register(value: Tensor, bits: int | None) -> Tensor:
    return value if bits is None else wrap(value, bits)
