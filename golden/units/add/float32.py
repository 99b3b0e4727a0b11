"""add in float32 with fused multiply-adds, as spec/units/add/float32.py states it.

A float32 stands here as an integer, the multiple of 2**-43 that it is; rounding to float32 leaves at most 24
significant bits of it. torch has no fused multiply-add, and its float64 is too narrow to stand for one.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.fixed import clamp, round_shift, shifted
from bittrue.golden.units.of_one_shape import of_one_shape
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.add import Float32Add

FRACTION_BITS = 43
SIGNIFICANT_BITS = 24


def run(unit: Float32Add, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays as the ports say, int64, ratios as the bits of a float32 -> "partial", "sum", "rounded" and "output",
    all in the shape in which the arrays broadcast."""
    ratio_a, ratio_b = _from_bits(arrays["ratio_a"]), _from_bits(arrays["ratio_b"])
    points = _float32(ratio_a * arrays["zero_point_a"] + _float32(ratio_b * arrays["zero_point_b"]))
    fixed = _float32((arrays["zero_point"] << FRACTION_BITS) - points)
    partial = _float32(arrays["b"] * ratio_b + fixed)
    total = _float32(arrays["a"] * ratio_a + partial)
    rounded = round_shift(total, FRACTION_BITS, Rounding.HALF_EVEN)
    return of_one_shape(
        {
            "partial": _to_bits(partial),
            "sum": _to_bits(total),
            "rounded": rounded,
            "output": clamp(rounded, arrays["low"], arrays["high"]),
        }
    )


def _float32(value: Tensor) -> Tensor:
    """F: the nearest multiple of 2**-43 with 24 significant bits, ties to even; |value| < 2**63."""
    past = (_bit_length(value.abs()) - SIGNIFICANT_BITS).clamp(min=0)
    return shifted(value, past, Rounding.HALF_EVEN) << past


def _bit_length(value: Tensor) -> Tensor:
    """How many bits a number of 0 .. 2**63 - 1 has."""
    length = torch.zeros_like(value)
    for step in (32, 16, 8, 4, 2, 1):
        longer = (value >> (length + step)) > 0
        length = length + torch.where(longer, step, 0)
    return length + (value > 0)


def _from_bits(bits: Tensor) -> Tensor:
    """The multiple of 2**-43 that a positive, normal float32 of 2**-20 or more is."""
    exponent, fraction = (bits >> 23) - 127, bits & ((1 << 23) - 1)
    return (fraction + (1 << 23)) << (exponent - 23 + FRACTION_BITS)


def _to_bits(value: Tensor) -> Tensor:
    """IEEE-754 bits, as an int32 has them, of a number that a float32 holds; 0 is positive."""
    return torch.ldexp(value.to(torch.float64), torch.tensor(-FRACTION_BITS)).to(torch.float32).view(torch.int32).long()
