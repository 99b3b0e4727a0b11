"""Operands of a sum of two products, solved for the sum: what the stimuli of `add` are made with."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Terms:
    """da * ma + db * mb."""

    da: int
    ma: int
    db: int
    mb: int


def terms_of(rng: np.random.Generator, target: int, reach: int, bits: int) -> Terms | None:
    """Terms with the sum `target`: 0 < |da|, |db| <= reach, multipliers of `bits` bits, the larger with its top bit.

    None where some tries find none. The multipliers are even over what fits, so that their low bits are anything.
    """
    most = (1 << bits) - 1
    for _ in range(60):
        da, db = (int(rng.integers(1, reach, endpoint=True)) * (1 - 2 * int(rng.integers(0, 2))) for _ in range(2))
        if math.gcd(da, db) != 1:
            continue
        # 0 <= (target - da * ma) / db <= most
        ends = sorted(target - bound for bound in (0, db * most))
        first, last = (-(-ends[0] // da), ends[1] // da) if da > 0 else (-(-ends[1] // da), ends[0] // da)
        first, last = max(first, 0), min(last, most)
        if first > last:
            continue
        ma = int(rng.integers(first, last, endpoint=True))
        ma += (target * pow(da, -1, abs(db)) - ma) % abs(db) if abs(db) > 1 else 0
        mb, rest = divmod(target - da * ma, db)
        if rest == 0 and 0 <= ma <= most and 0 <= mb <= most and max(ma, mb) >> (bits - 1):
            return Terms(da, ma, db, mb)
    return None
