"""Mean and sum of squares of I-BERT's and I-ViT's units, as spec/units/norm/centred.py states them."""

from __future__ import annotations

import torch
from torch import Tensor

from bittrue.golden.units.norm.statistics import register_sum
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.norm.centred import CentredNorm


def row_statistics(unit: CentredNorm, codes: Tensor, variance_shift: Tensor | int) -> tuple[Tensor, dict[str, Tensor]]:
    """q - a [rows, n], and the stages "sum", "mean" and "sum_of_squares" [rows, 1], int64. codes: int64 [rows, n]."""
    total = register_sum(unit, codes, unit.sum_bits)
    mean = rounded_quotient(total, codes.shape[-1], unit.mean_rounding)
    centred = codes - mean
    squares = register_sum(unit, (centred >> variance_shift).square(), unit.sum_of_squares_bits)
    return centred, {"sum": total, "mean": mean, "sum_of_squares": squares}


def rounded_quotient(dividend: Tensor, divisor: int, rounding: Rounding) -> Tensor:
    """dividend / divisor as an integer, int64; divisor >= 1, and 2 * divisor fits int64."""
    floor = torch.div(dividend, divisor, rounding_mode="floor")
    rest = dividend - floor * divisor
    if rounding is Rounding.FLOOR:
        return floor
    if rounding is Rounding.TOWARD_ZERO:
        return floor + ((rest > 0) & (dividend < 0))
    if rounding is Rounding.HALF_UP:
        return floor + (2 * rest >= divisor)
    if rounding is Rounding.HALF_AWAY:
        return floor + ((2 * rest > divisor) | ((2 * rest == divisor) & (dividend > 0)))
    assert rounding is Rounding.HALF_EVEN, rounding
    return floor + ((2 * rest > divisor) | ((2 * rest == divisor) & (floor % 2 == 1)))
