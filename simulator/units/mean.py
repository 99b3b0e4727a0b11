"""mean, alone and fast: a sum in the MAC accumulator, then the division; see spec/units/mean.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.units import accumulate
from bittrue.simulator.units.mul import requantized
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.mean import Float32Mean
from bittrue.spec.units.section import Arrays

Integers = NDArray[np.integer]
OPERANDS = ("codes", "zero_point_x")
INT32 = np.iinfo(np.int32)


def run(datapath: Datapath, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes [rows, n], parameters [rows] -> accumulator, the later stages, output, all [rows]."""
    codes = np.asarray(arrays["codes"], np.int64)
    zero_point = np.broadcast_to(arrays["zero_point_x"], codes.shape[:1])
    raw = isinstance(datapath.mean, Float32Mean)
    addends = codes if raw else codes - zero_point[:, None]
    accumulator = accumulate.sums(datapath.mac, np.ascontiguousarray(addends))
    if not raw:
        return {"accumulator": accumulator, **requantized(datapath, "mean", accumulator, arrays, OPERANDS)}
    rounded = scaled_sums(accumulator, codes.shape[1], zero_point, arrays["scale"], arrays["zero_point"])
    output = np.clip(rounded, arrays["low"], arrays["high"])
    return {"accumulator": accumulator, "rounded": rounded, "output": output}


def scaled_sums(
    totals: Integers, count: int, zero_point_x: Integers, scale_bits: Integers, zero_point: Integers
) -> NDArray[np.int64]:
    """rint(F(F(F(totals) * scale) + bias)) limited to int32; arrays broadcast, the scale given by its bits."""
    scale = np.asarray(scale_bits).astype(np.int32).view(np.float32)
    offset = (np.asarray(zero_point_x, np.int64) * count).astype(np.float32) * scale
    bias = np.asarray(zero_point, np.int64).astype(np.float32) - offset
    real = np.rint(np.asarray(totals, np.int64).astype(np.float32) * scale + bias)
    # float64 holds every int32, which float32 does not.
    return np.asarray(np.clip(real.astype(np.float64), INT32.min, INT32.max), np.int64)
