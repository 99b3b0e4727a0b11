"""mul, alone and fast: the exact product, then the requantizer; see spec/units/mul.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.units import requantize
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.requantization import Requantization
from bittrue.spec.units.section import Arrays

OPERANDS = ("a", "b", "zero_point_a", "zero_point_b")


def run(datapath: Datapath, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes and parameters, broadcastable -> accumulator, the requantizer's stages, output."""
    a, b, zero_point_a, zero_point_b = (np.asarray(arrays[name], np.int64) for name in OPERANDS)
    accumulator = (a - zero_point_a) * (b - zero_point_b)
    return {"accumulator": accumulator, **requantized(datapath, "mul", accumulator, arrays, OPERANDS)}


def requantized(
    datapath: Datapath, op: str, accumulator: NDArray[np.int64], arrays: Arrays, read: tuple[str, ...]
) -> dict[str, NDArray[np.int64]]:
    """What the requantizer that the datapath has for `op` makes of accumulators, with the arrays not yet read."""
    unit = Requantization.model_validate(datapath.requantizer(op).model_dump())
    rest = {name: array for name, array in arrays.items() if name not in read}
    return requantize.run(datapath.model_copy(update={"requantization": unit}), {"accumulator": accumulator, **rest})
