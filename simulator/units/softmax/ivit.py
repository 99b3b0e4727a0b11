"""softmax of I-ViT (Shiftmax); see spec/units/softmax/ivit.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import parallel_jit, prange
from bittrue.simulator.units.softmax.rows import a_row
from bittrue.spec.units.section import Arrays
from bittrue.spec.units.softmax import IvitSoftmax


def run(unit: IvitSoftmax, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Logits [rows, n], octave [1] or [rows, 1] -> the unit's stages and output."""
    logits = arrays["logits"].astype(np.int64)
    rows = logits.shape[0]
    times_log2e, octaves, exponential, output = (np.empty_like(logits) for _ in range(4))
    maximum, total, reciprocal = (np.empty((rows, 1), np.int64) for _ in range(3))
    probabilities(
        logits,
        a_row(arrays["octave"], rows),
        unit.halvings,
        unit.sum_bits,
        unit.output_bits,
        maximum,
        times_log2e,
        octaves,
        exponential,
        total,
        reciprocal,
        output,
    )
    return {
        "maximum": maximum,
        "times_log2e": times_log2e,
        "octaves": octaves,
        "exponential": exponential,
        "sum": total,
        "reciprocal": reciprocal,
        "output": output,
    }


@parallel_jit
def probabilities(
    logits: NDArray[np.int64],
    octave: NDArray[np.int64],
    halvings: int,
    sum_bits: int,
    output_bits: int,
    maximum: NDArray[np.int64],
    times_log2e: NDArray[np.int64],
    octaves: NDArray[np.int64],
    exponential: NDArray[np.int64],
    total: NDArray[np.int64],
    reciprocal: NDArray[np.int64],
    output: NDArray[np.int64],
) -> None:
    """Fill the last seven arrays; octave is [rows]."""
    full = (1 << sum_bits) - 1
    for r in prange(logits.shape[0]):
        row = logits[r]
        largest = row[0]
        for i in range(row.size):
            largest = max(largest, row[i])
        s = 0
        for i in range(row.size):
            x = row[i] - largest
            t = max(x + (x >> 1) - (x >> 4), -halvings * octave[r])
            whole = -t // octave[r]
            rest = t + whole * octave[r]
            e = ((2 * octave[r] + rest) << (halvings - whole)) >> 1
            times_log2e[r, i], octaves[r, i], exponential[r, i] = t, whole, e
            s = min(s + e, full)
        inverse = full // s
        for i in range(row.size):
            output[r, i] = exponential[r, i] * inverse >> (sum_bits + 1 - output_bits)
        maximum[r, 0], total[r, 0], reciprocal[r, 0] = largest, s, inverse
