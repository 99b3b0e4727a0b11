"""How the average pooling units divide by the number of taps, as spec/units/pool.py states it."""

from __future__ import annotations

import torch
from torch import Tensor

from bittrue.golden.fixed import round_shift
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.pool import Division


def quotient(total: Tensor, count: Tensor, rounding: Division) -> Tensor:
    """`rounded` of kind divide: total / count as an integer. int64, broadcastable; count >= 1."""
    floor = torch.div(total, count, rounding_mode="floor")
    remainder = total - floor * count  # 0 .. count - 1, whatever the sign of total
    if rounding == "floor":
        return floor
    if rounding == "toward_zero":
        return floor + ((remainder > 0) & (total < 0))
    above, tie = 2 * remainder > count, 2 * remainder == count
    if rounding == "half_up":
        tie_goes_up = torch.ones_like(tie)
    elif rounding == "half_away":
        tie_goes_up = total >= 0
    else:
        assert rounding == "half_even", rounding
        tie_goes_up = floor % 2 == 1
    return floor + (above | (tie & tie_goes_up))


def reciprocal_product(total: Tensor, count: Tensor) -> Tensor:
    """`rounded` of kind reciprocal: total times the reciprocal of count. int64, broadcastable; 1 <= count < 2**31."""
    k = torch.zeros_like(count)
    while bool((too_small := (1 << k) < count).any()):
        k = k + too_small
    multiplier = torch.div(((1 << 30) + 1) * (1 << k), count, rounding_mode="floor")
    return round_shift(total * multiplier, 30 + k, Rounding.HALF_UP)
