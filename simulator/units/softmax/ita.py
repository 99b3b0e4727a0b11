"""softmax of ITA, group by group; see spec/units/softmax/ita.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import Integer
from bittrue.simulator.jit import jit, parallel_jit, prange
from bittrue.spec.units.section import Arrays
from bittrue.spec.units.softmax import ItaSoftmax


def run(unit: ItaSoftmax, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Logits [rows, n] -> maximum, sum, reciprocal [rows, 1] and output [rows, n]."""
    logits = arrays["logits"].astype(np.int64)
    output = np.empty_like(logits)
    maximum, total, reciprocal = (np.empty((logits.shape[0], 1), np.int64) for _ in range(3))
    probabilities(
        logits,
        unit.group_width,
        unit.octave_shift,
        unit.exponential_bits,
        unit.output_bits,
        maximum,
        total,
        reciprocal,
        output,
    )
    return {"maximum": maximum, "sum": total, "reciprocal": reciprocal, "output": output}


@parallel_jit
def probabilities(
    logits: NDArray[np.int64],
    group_width: int,
    octave_shift: int,
    exponential_bits: int,
    output_bits: int,
    maximum: NDArray[np.int64],
    total: NDArray[np.int64],
    reciprocal: NDArray[np.int64],
    output: NDArray[np.int64],
) -> None:
    """Fill the last four arrays: three of [rows, 1], [rows, n]."""
    one, full = 1 << exponential_bits, ((1 << output_bits) - 1) << exponential_bits
    for r in prange(logits.shape[0]):
        row, n = logits[r], logits.shape[1]
        largest = row[0]
        s: Integer = np.int64(0)
        for start in range(0, n, group_width):
            stop, before = min(start + group_width, n), largest
            for i in range(start, stop):
                largest = max(largest, row[i])
            s >>= octaves(largest - before, octave_shift)
            for i in range(start, stop):
                s += one >> octaves(largest - row[i], octave_shift)
        inverse = full // s
        for i in range(n):
            output[r, i] = inverse >> octaves(largest - row[i], octave_shift)
        maximum[r, 0], total[r, 0], reciprocal[r, 0] = largest, s, inverse


@jit
def octaves(distance: Integer, octave_shift: int) -> Integer:
    """A distance of logits in octaves, nearest, ties upward; 63 stands for all that shift everything out."""
    if octave_shift > 0:
        distance = (distance >> octave_shift) + (distance >> (octave_shift - 1) & 1)
    return min(distance, 63)
