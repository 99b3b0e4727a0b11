"""linear, fast: a matrix product whose inner loop runs over output features; see spec/ops/linear.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bittrue.simulator.accumulate import accumulate, register_codes, working_dtype
from bittrue.simulator.requantize import Requantizer, finish_rows
from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Codes [..., I] -> [..., O]; fills `accumulator` and `rounded` [..., O] int64.

    The codes of a row play the weights of `accumulate`, the transposed weights its data, so that no
    activation is transposed: tap i is weight[:, i] for all outputs.
    """
    features, channels = call.inputs[0].shape[-1], call.output.shape[-1]
    mac, spec = call.datapath.mac, call.inputs[0]
    rows = register_codes(call, operands[0], spec.bits).reshape(1, -1, features)
    if mac.zero_point == "subtracted":
        rows = rows.astype(np.int64) - spec.zero_point[0]
    weight = register_codes(call, call.constants["weight"], mac.weight_bits_max)
    transposed = np.ascontiguousarray(weight.T, working_dtype(call)).reshape(-1)
    starts = channels * np.arange(features, dtype=np.int64).reshape(1, -1)
    accumulator = accumulate(call, rows, transposed, starts, length=channels, bias=call.constants["bias"])
    return finish_rows(call, accumulator[0], Requantizer.of(call, channels), stages)
