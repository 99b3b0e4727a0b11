"""TFLite's LOGISTIC on int16, as spec/units/activation/tflite_logistic.py states it; its table is stated here anew."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal, localcontext
from functools import cache

import torch
from torch import Tensor

from bittrue.golden.fixed import shifted
from bittrue.golden.units.of_one_shape import in_shape_of
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.activation import TfliteLogistic

LAST = 255


def run(unit: TfliteLogistic, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays as the ports say, int64 -> "scaled", "index", "interpolated" and "output" in the shape of "codes"."""
    v = shifted(arrays["codes"] * arrays["multiplier"], arrays["shift"], Rounding.HALF_UP)
    magnitude, table = v.abs(), torch.tensor(entries(), dtype=torch.int64)
    index = (magnitude >> 9).clamp(max=LAST)
    entry, following = table[index], table[(index + 1).clamp(max=LAST)]
    between = (entry << 9) + (magnitude % 512) * (following - entry)
    w = torch.where(index == LAST, 32767 << 10, between)
    mirrored = torch.where(v >= 0, w, (1 << 25) - 1 - w)
    return in_shape_of(
        arrays["codes"], {"scaled": v, "index": index, "interpolated": w, "output": (mirrored + (1 << 9)) >> 10}
    )


@cache
def entries() -> tuple[int, ...]:
    """T: 256 entries of sigmoid(i / 24) in 1/65536, less half the midpoint error of the interpolation."""
    return (*(_entry(i) for i in range(LAST)), 65535)


def _entry(i: int) -> int:
    with localcontext() as context:
        context.prec = 50  # no entry but the first, 1/2 exactly, comes near a tie
        g = 1 / (1 + _falling_exponential(i))
        d = g * (1 - g) * (1 - 2 * g) / 576
        return int((65536 * (g - d / 16) + Decimal("0.5")).to_integral_value(ROUND_FLOOR))


def _falling_exponential(i: int) -> Decimal:
    """e**(-i/24) as 1 / (e**(1/24))**i, by the series of the exponential at 1/24."""
    root = sum((1 / (Decimal(24) ** n * math.factorial(n)) for n in range(40)), Decimal(0))
    return 1 / root**i
