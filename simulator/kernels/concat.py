"""concat, fast: each input brought to the output's scale, then joined; see spec/ops/concat.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from bittrue.simulator.accumulate import centred
from bittrue.simulator.requantize import Requantizer, one_plane
from bittrue.spec.op import Call
from bittrue.spec.ops.concat import Concat


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Arrays equal but for the axis -> one array; the op has no stages."""
    op, parts = cast(Concat, call.op), []
    axis = op.axis
    if op.copied(call.datapath):
        return np.concatenate(operands, axis=axis)
    if call.datapath.concat.kind == "table":
        tables = call.constants["table"].astype(call.output.dtype)
        for codes, spec, table in zip(operands, call.inputs, tables, strict=True):
            parts.append(table[codes.astype(np.int64) - spec.code_range[0]])
        return np.concatenate(parts, axis=axis)
    for i, (codes, spec) in enumerate(zip(operands, call.inputs, strict=True)):
        requantizer = Requantizer.of(call, part=i, entering=spec.magnitude_max)
        values = centred(codes, spec.zero_point[0], np.dtype(np.int64))
        parts.append(requantizer.planes(one_plane(values), call.output.dtype).reshape(codes.shape))
    return np.concatenate(parts, axis=axis)
