"""layer_norm and group_norm, fast: hands rows to the datapath's norm unit; see spec/row_norm.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.units.norm import KINDS, affine
from bittrue.spec.op import Call
from bittrue.spec.row_norm import RowNorm, unit_constants, unit_of

Integers = NDArray[np.integer]


def normalize(
    call: Call,
    rows: Integers,
    spread: Callable[[Integers], Integers],
    stages: dict[str, np.ndarray] | None,
) -> np.ndarray:
    """Codes [rows, n] -> the step's output codes; fills the unit's stages, int64.

    spread: brings constants with one value a channel to a shape that broadcasts to [rows, n].
    """
    unit, op, shape = unit_of(call.datapath), cast(RowNorm, call.op), call.output.shape
    low, high = call.output.code_range
    ends = {"zero_point": np.array(call.output.zero_point[:1]), "low": np.array([low]), "high": np.array([high])}
    channels = {port.name for port in unit.ports if port.axes == ("n",)}
    arrays = {
        name: spread(array) if name in channels and array.size > 1 else array
        for name, array in unit_constants(call).items()
    }
    found = KINDS[unit.kind](unit, {"codes": rows, **arrays})
    if stages is not None:
        for name in unit.stages:
            stages[name] = found[name].reshape(op.statistics_shape(shape) if name in unit.row_stages else shape)
    return affine.run(unit, found["normalized"], {**arrays, **ends}).astype(call.output.dtype).reshape(shape)
