"""matmul, fast: batched products whose inner loop runs over the columns of b; see spec/ops/matmul.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from bittrue.simulator.accumulate import accumulate, centred, register_codes, working_dtype
from bittrue.simulator.requantize import Requantizer, finish_planes, one_plane
from bittrue.simulator.row_division import finish_divided
from bittrue.spec.op import Call
from bittrue.spec.ops.matmul import MatMul


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Codes [..., M, K] and [..., K, N] (or [..., N, K]) -> [..., M, N].

    Fills the op's stages, int64. Row m of a plays the weights of `accumulate`,
    row k of b is tap k.
    """
    op, dtype = cast(MatMul, call.op), working_dtype(call)
    left, right = operands[0], operands[1].swapaxes(-1, -2) if op.transpose_b else operands[1]
    (z_left,), (z_right,) = call.inputs[0].zero_point, call.inputs[1].zero_point
    terms, columns = right.shape[-2:]
    a = register_codes(call, centred(left, z_left, dtype), call.inputs[0].bits)
    b = register_codes(call, centred(right, z_right, dtype), call.inputs[1].bits)
    weight, data = a.reshape(-1, *left.shape[-2:]), b.reshape(-1)
    starts = columns * np.arange(weight.shape[0] * terms, dtype=np.int64).reshape(-1, terms)
    accumulator = accumulate(call, weight, data, starts, length=columns)
    if op.divide_by_row_sum:
        return finish_divided(call, accumulator.reshape(call.output.shape), left, stages)
    return finish_planes(call, one_plane(accumulator), Requantizer.of(call), stages)
