"""requantize, alone and fast: arrays of any size, parameters of every shape; see spec/units/requantization.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import parallel_jit, prange
from bittrue.simulator.pipeline import STAGES, pipeline, rule_of
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.core import requantize_stages
from bittrue.spec.units.section import Arrays

Results = dict[str, NDArray[np.int64]]
OPERANDS = ("multiplier", "shift", "zero_point", "low", "high", "bias", "offset", "unsigned")
ABSENT = {"multiplier": 1}
"""What an operand that the unit does not read counts as; 0 otherwise."""


def run(datapath: Datapath, arrays: Arrays) -> Results:
    """Every stage that the unit has, and "output"; all int64 in the shape of the broadcast operands."""
    unit = datapath.requantization
    if unit.kind == "thresholds":
        return _counted(arrays)
    shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    columns = {name: arrays.get(name, np.int64(ABSENT.get(name, 0))) for name in ("accumulator", *OPERANDS)}
    flat = [np.array(np.broadcast_to(array, shape), np.int64).reshape(-1) for array in columns.values()]
    scale = flat[1].astype(np.int32).view(np.float32)
    found = np.empty((len(STAGES), flat[0].size), np.int64)
    _run_all(np.stack(flat), scale, rule_of(unit, bias="bias" in arrays), found)
    stages = dict(zip(STAGES, found.reshape(len(STAGES), *shape), strict=True))
    return {name: stages[name] for name in (*requantize_stages(unit), "output")}


def _counted(arrays: Arrays) -> Results:
    accumulator, thresholds = arrays["accumulator"], arrays["thresholds"]
    counts = np.empty(accumulator.shape, np.int64)
    if thresholds.ndim == 1:
        counts[...] = np.searchsorted(thresholds, accumulator, side="right")
    else:
        for channel, row in enumerate(thresholds):
            counts[..., channel] = np.searchsorted(row, accumulator[..., channel], side="right")
    return {"rounded": counts, "output": counts + arrays["low"]}


@parallel_jit
def _run_all(
    operands: NDArray[np.int64], scale: NDArray[np.float32], rule: NDArray[np.int64], found: NDArray[np.int64]
) -> None:
    for i in prange(scale.size):
        a, m, s, z, low, high, bias, offset, unsigned = operands[:, i]
        found[:, i] = pipeline(a, m, scale[i], s, z, low, high, bias, offset, unsigned, rule)
