"""Integer constants of requantizers, in the narrowest storage types."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.lowering.tables import round_half_up
from bittrue.spec.arithmetic import multiplier_and_shift
from bittrue.spec.datapath import Datapath

Constants = dict[str, NDArray[np.integer]]


def requantizer(ratios: Sequence[Fraction], datapath: Datapath) -> Constants:
    """multiplier and shift, one for each ratio (real output codes per accumulator unit)."""
    unit = datapath.requantization
    pairs = [multiplier_and_shift(ratio, unit.multiplier_bits, unit.shift_max) for ratio in ratios]
    return {
        "multiplier": np.array([m for m, _ in pairs], dtype=np.int32),
        "shift": np.array([s for _, s in pairs], dtype=np.int8),
    }


def common_shift(ratios: Sequence[Fraction], datapath: Datapath) -> tuple[list[int], int]:
    """Multipliers for several ratios that share one shift, the largest with its top bit set."""
    unit = datapath.requantization
    _, shift = multiplier_and_shift(max(ratios), unit.multiplier_bits, unit.shift_max)
    return [round_half_up(ratio * (1 << shift)) for ratio in ratios], shift


def narrow(values: NDArray[np.integer]) -> NDArray[np.integer]:
    """The same integers in the narrowest signed type that holds them."""
    low, high = int(values.min()), int(values.max())
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return values.astype(kind)
    return values.astype(np.int64)
