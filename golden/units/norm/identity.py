"""Codes and variance of the kinds that need no mean, as spec/units/norm/identity.py states them."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from bittrue.golden.fixed import shifted
from bittrue.golden.units.norm.statistics import register_sum
from bittrue.spec.units.norm.identity import IdentityNorm


def row_statistics(unit: IdentityNorm, arrays: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """n*c - S1 [rows, n], and the stages "sum", "sum_of_squares" and "variance" [rows, 1], int64."""
    codes = shifted(arrays["codes"], arrays["pre_shift"], unit.rounding)
    n = codes.shape[-1]
    total = register_sum(unit, codes, unit.sum_bits)
    squares = register_sum(unit, codes * codes, unit.sum_of_squares_bits)
    variance = (n * squares - total * total + arrays["epsilon"]).clamp(min=1)
    return n * codes - total, {"sum": total, "sum_of_squares": squares, "variance": variance}
