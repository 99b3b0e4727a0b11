"""Probabilities that are powers of two, as spec/units/softmax/log2.py states them: the judge of two kinds."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.bit_length import bit_length
from bittrue.golden.units.softmax.split import octaves_and_polynomial
from bittrue.spec.units.softmax.log2 import Log2Softmax


def run(unit: Log2Softmax, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Logits [rows, n], parameters of a row -> stages and output, int64; stages of a row have shape [rows, 1]."""
    found = octaves_and_polynomial(unit, arrays)
    exponential = found["polynomial"] << (unit.halvings - found["octaves"])
    total = exponential.sum(dim=-1, keepdim=True)
    quotient = torch.where(exponential > 0, nearest_quotient(total, exponential.clamp(min=1)), 0)
    last, beyond = (1 << unit.code_bits) - 1, 1 << unit.code_bits
    code = rounded_log2(quotient.clamp(min=1)).clamp(max=beyond)
    code = torch.where(exponential > 0, code, beyond)
    if unit.past_the_end == "last":
        code = code.clamp(max=last)
    power = torch.ones_like(code) << (last - code).clamp(min=0)
    return {
        **found,
        "exponential": exponential,
        "sum": total,
        "quotient": quotient,
        "log2": code,
        "output": torch.where(code == beyond, 0, power),
    }


def nearest_quotient(dividend: Tensor, divisor: Tensor) -> Tensor:
    """dividend / divisor to nearest, ties to even; 0 <= dividend < 2**62, 1 <= divisor < 2**62."""
    floor = torch.div(dividend, divisor, rounding_mode="floor")
    doubled = 2 * (dividend - floor * divisor)
    return floor + ((doubled > divisor) | ((doubled == divisor) & (floor % 2 == 1)))


def rounded_log2(value: Tensor) -> Tensor:
    """floor(log2(value)), and one more from 3/2 of a power of two on; 1 <= value < 2**62."""
    floor = bit_length(value) - 1
    return floor + (2 * value >= 3 * (torch.ones_like(value) << floor))
