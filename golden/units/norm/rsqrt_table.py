"""The judge of the normalization by a table of reciprocal roots; formula in spec/units/norm/rsqrt_table.py."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.bit_length import bit_length
from bittrue.golden.fixed import round_shift
from bittrue.golden.units.norm.identity import row_statistics
from bittrue.spec.units.norm import RsqrtTableNorm


def run(unit: RsqrtTableNorm, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Codes [rows, n], table [entries] -> stages, int64; all but "normalized" have shape [rows, 1]."""
    numerator, found = row_statistics(unit, arrays)
    variance = found["variance"]
    exponent = torch.div(bit_length(variance) - 1, 2, rounding_mode="floor")
    left = unit.operand_bits - 2 * exponent
    operand = torch.where(left >= 0, variance << left.clamp(min=0), variance >> (-left).clamp(min=0))
    interval = (operand >> (unit.operand_bits - unit.table_bits)) - (1 << unit.table_bits)
    estimate = arrays["table"][interval]
    root = estimate
    for _ in range(unit.steps):
        root = newton_step(unit, operand, root)
    return {
        **found,
        "exponent": exponent,
        "operand": operand,
        "estimate": estimate,
        "reciprocal_root": root,
        "normalized": round_shift(numerator * root, unit.estimate_bits + exponent - unit.fraction_bits, unit.rounding),
    }


def newton_step(unit: RsqrtTableNorm, operand: Tensor, root: Tensor) -> Tensor:
    """root * (3 - operand * root**2) / 2 in the unit's fixed point."""
    square = (root * root) >> unit.estimate_bits
    difference = 3 * (1 << unit.estimate_bits) - ((operand * square) >> unit.operand_bits)
    return (root * difference) >> (unit.estimate_bits + 1)
