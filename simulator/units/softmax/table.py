"""softmax by a table of exponentials and one floor reciprocal a row; see spec/units/softmax/table.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, round_shift
from bittrue.simulator.jit import parallel_jit, prange
from bittrue.spec.units.section import Arrays
from bittrue.spec.units.softmax import TableSoftmax


def run(unit: TableSoftmax, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Logits [rows, n], table [codes] -> maximum, sum, reciprocal [rows, 1], exponential and output [rows, n]."""
    found = _rows(unit, arrays)
    return {name: values.astype(np.int64, copy=False) for name, values in found.items()}


def narrow(unit: TableSoftmax, arrays: Arrays) -> NDArray[np.uint16]:
    """The output alone, in the type of its codes."""
    return _rows(unit, arrays)["output"]


def _rows(unit: TableSoftmax, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Every stage and the output. Logits have at most 12 bits, probabilities 16: one compiled kernel for all widths."""
    logits = arrays["logits"].astype(np.int16)
    exponential, output = np.empty(logits.shape, np.int32), np.empty(logits.shape, np.uint16)
    maximum, total, reciprocal = (np.empty((logits.shape[0], 1), np.int64) for _ in range(3))
    probabilities(
        logits,
        arrays["table"].astype(np.int32),
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
    logits: NDArray[np.int16],
    table: NDArray[np.int32],
    reciprocal_bits: int,
    probability_bits: int,
    rounding: int,
    maximum: NDArray[np.int64],
    exponential: NDArray[np.int32],
    total: NDArray[np.int64],
    reciprocal: NDArray[np.int64],
    probability: NDArray[np.uint16],
) -> None:
    """Fill the last five arrays for logits [rows, n]: [rows, 1], [rows, n], [rows, 1], [rows, 1], [rows, n]."""
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
        maximum[r, 0], total[r, 0], reciprocal[r, 0] = largest, s, inverse
