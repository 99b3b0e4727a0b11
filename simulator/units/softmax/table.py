"""softmax by a table of exponentials and one floor reciprocal a row; see spec/units/softmax/table.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, round_shift
from bittrue.simulator.jit import parallel_jit, prange
from bittrue.spec.units.section import Arrays
from bittrue.spec.units.softmax import TableSoftmax


def run(unit: TableSoftmax, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Logits [rows, n], table [codes] -> maximum, sum, reciprocal [rows, 1], exponential and output [rows, n]."""
    logits = arrays["logits"].astype(np.int64)
    exponential, output = np.empty_like(logits), np.empty_like(logits)
    maximum, total, reciprocal = (np.empty((logits.shape[0], 1), np.int64) for _ in range(3))
    probabilities(
        logits,
        arrays["table"].astype(np.int64),
        unit.reciprocal_bits,
        unit.probability_bits,
        ROUNDING_CODES[unit.rounding],
        maximum,
        exponential,
        total,
        reciprocal,
        output,
    )
    return {
        "maximum": maximum,
        "exponential": exponential,
        "sum": total,
        "reciprocal": reciprocal,
        "output": output,
    }


@parallel_jit
def probabilities(
    logits: NDArray[np.int64],
    table: NDArray[np.int64],
    reciprocal_bits: int,
    probability_bits: int,
    rounding: int,
    maximum: NDArray[np.int64],
    exponential: NDArray[np.int64],
    total: NDArray[np.int64],
    reciprocal: NDArray[np.int64],
    probability: NDArray[np.int64],
) -> None:
    """Fill the last five arrays for logits [rows, n]: [rows, 1], [rows, n], [rows, 1], [rows, 1], [rows, n]."""
    shift, top = reciprocal_bits - probability_bits, (1 << probability_bits) - 1
    for r in prange(logits.shape[0]):
        row, e, p = logits[r], exponential[r], probability[r]
        largest = row[0]
        for i in range(row.size):
            largest = max(largest, row[i])
        s = 0
        for i in range(row.size):
            e[i] = table[largest - row[i]]
            s += e[i]
        inverse = (1 << reciprocal_bits) // s
        for i in range(row.size):
            p[i] = min(round_shift(e[i] * inverse, shift, rounding), top)
        maximum[r, 0], total[r, 0], reciprocal[r, 0] = largest, s, inverse
