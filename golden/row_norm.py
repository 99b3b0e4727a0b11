"""The judge of layer_norm and group_norm on rows: the datapath's norm unit, gamma and beta; see spec/row_norm.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from bittrue.golden.requantizer import Stages
from bittrue.golden.units.norm import KINDS, affine
from bittrue.spec.op import Call
from bittrue.spec.row_norm import RowNorm, unit_constants, unit_of


def judge(call: Call, rows: Tensor, by_element: Callable[[Tensor], Tensor], stages: Stages | None) -> Tensor:
    """Codes int64 [rows, n] -> output codes int64 of the output's shape. Records the unit's stages.

    by_element: brings a constant with one value a channel to a shape that broadcasts against rows.
    """
    unit, op, shape = unit_of(call.datapath), call.op, call.output.shape
    assert isinstance(op, RowNorm)
    low, high = call.output.code_range
    arrays = {name: torch.from_numpy(np.array(values, np.int64)) for name, values in unit_constants(call).items()}
    channels = {port.name for port in unit.ports if port.axes == ("n",)}
    arrays = {
        name: by_element(values) if name in channels and values.numel() > 1 else values
        for name, values in arrays.items()
    }
    arrays["zero_point"], arrays["low"], arrays["high"] = (
        torch.tensor(value) for value in (call.output.zero_point[0], low, high)
    )
    found = KINDS[unit.kind](unit, {"codes": rows, **arrays})
    if stages is not None:
        for name in unit.stages:
            stages[name] = found[name].reshape(op.statistics_shape(shape) if name in unit.row_stages else shape)
    return affine.run(unit, found["normalized"], arrays).reshape(shape)
