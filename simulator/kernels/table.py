"""table, fast: one table read an element; see spec/ops/table.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import jit
from bittrue.spec.op import Call
from bittrue.spec.ops.table import Table


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Codes of any shape -> codes of the same shape; the op has no stages."""
    axis = cast(Table, call.op).axis
    codes = np.require(operands[0], requirements=["C", "W"])
    table = np.array(call.constants["table"], call.output.dtype)
    tables, before = table.shape[0], 1 if axis is None else int(np.prod(codes.shape[:axis]))
    output = np.empty(codes.shape, call.output.dtype)
    look_up(codes.reshape(before, tables, -1), call.inputs[0].code_range[0], table, output.reshape(before, tables, -1))
    return output


@jit
def look_up(codes: NDArray[np.integer], lowest: int, table: NDArray[np.integer], output: NDArray[np.integer]) -> None:
    """output[b, t, i] = table[t, codes[b, t, i] - lowest]."""
    for b in range(codes.shape[0]):
        for t in range(codes.shape[1]):
            source, entries, target = codes[b, t], table[t], output[b, t]
            for i in range(source.size):
                target[i] = entries[np.int64(source[i]) - lowest]
