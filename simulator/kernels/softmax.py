"""softmax, fast: exponentials by table, one floor reciprocal a row; see spec/ops/softmax.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, round_shift
from bittrue.simulator.jit import parallel_jit, prange
from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Logits [..., N] -> probabilities [..., N].

    Fills `maximum`, `sum`, `reciprocal` [..., 1] and `exponential` [..., N], int64.
    """
    unit, shape = call.datapath.softmax, call.output.shape
    # At most 12 bits, so signed 16 hold every logit: one compiled kernel for all widths.
    logits = operands[0].reshape(-1, shape[-1]).astype(np.int16)
    rows = logits.shape[0]
    exponential = np.empty(logits.shape, np.int32)
    maximum, total, reciprocal = (np.empty(rows, np.int64) for _ in range(3))
    probability = np.empty(logits.shape, call.output.dtype)
    probabilities(
        logits,
        np.array(call.constants["table"], np.int32),
        unit.reciprocal_bits,
        unit.probability_bits,
        ROUNDING_CODES[call.rounding],
        maximum,
        exponential,
        total,
        reciprocal,
        probability,
    )
    if stages is not None:
        a_row = (*shape[:-1], 1)
        stages["maximum"] = maximum.reshape(a_row)
        stages["exponential"] = exponential.astype(np.int64).reshape(shape)
        stages["sum"] = total.reshape(a_row)
        stages["reciprocal"] = reciprocal.reshape(a_row)
    return probability.reshape(shape)


@parallel_jit
def probabilities(
    logits: NDArray[np.int16],
    table: NDArray[np.int32],
    reciprocal_bits: int,
    probability_bits: int,
    rounding: int,
    maximum: NDArray[np.int64],
    exponential: NDArray[np.int32],
    total: NDArray[np.int64],
    reciprocal: NDArray[np.int64],
    probability: NDArray[np.unsignedinteger],
) -> None:
    """Fill the last five arrays for logits [rows, N]: [rows], [rows, N], [rows], [rows], [rows, N]."""
    shift, top = reciprocal_bits - probability_bits, (1 << probability_bits) - 1
    for r in prange(logits.shape[0]):
        row, e, p = logits[r], exponential[r], probability[r]
        largest = np.int64(row[0])
        for i in range(row.size):
            largest = max(largest, np.int64(row[i]))
        s = np.int64(0)
        for i in range(row.size):
            e[i] = table[largest - row[i]]
            s += np.int64(e[i])
        inverse = (1 << reciprocal_bits) // s
        for i in range(row.size):
            p[i] = min(round_shift(np.int64(e[i]) * inverse, shift, rounding), top)
        maximum[r], total[r], reciprocal[r] = largest, s, inverse
