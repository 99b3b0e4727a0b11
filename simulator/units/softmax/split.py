"""The exponential of I-BERT, FQ-ViT and HyQ; see spec/units/softmax/split.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import parallel_jit, prange
from bittrue.simulator.units.softmax.rows import a_row
from bittrue.spec.units.section import Arrays
from bittrue.spec.units.softmax.split import SplitExponential


def exponentials(unit: SplitExponential, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Logits [rows, n], octave, b and c (absent: a line) -> maximum [rows, 1], octaves and polynomial [rows, n]."""
    logits = arrays["logits"].astype(np.int64)
    rows = logits.shape[0]
    octaves, polynomial = np.empty_like(logits), np.empty_like(logits)
    maximum = np.empty((rows, 1), np.int64)
    square = "c" in arrays
    b = a_row(arrays["b"], rows)
    split(
        logits,
        a_row(arrays["octave"], rows),
        b,
        a_row(arrays["c"], rows) if square else b,
        square,
        unit.halvings,
        maximum,
        octaves,
        polynomial,
    )
    return {"maximum": maximum, "octaves": octaves, "polynomial": polynomial}


@parallel_jit
def split(
    logits: NDArray[np.int64],
    octave: NDArray[np.int64],
    b: NDArray[np.int64],
    at_zero: NDArray[np.int64],
    square: bool,
    halvings: int,
    maximum: NDArray[np.int64],
    octaves: NDArray[np.int64],
    polynomial: NDArray[np.int64],
) -> None:
    """Fill the last three arrays: [rows, 1], [rows, n], [rows, n]; the parameters are [rows]."""
    for r in prange(logits.shape[0]):
        row = logits[r]
        largest = row[0]
        for i in range(row.size):
            largest = max(largest, row[i])
        farthest = halvings * octave[r]
        for i in range(row.size):
            distance = min(largest - row[i], farthest)
            whole = distance // octave[r]
            rest = distance - whole * octave[r]
            fall = rest * (b[r] - rest) if square else rest
            octaves[r, i] = whole
            polynomial[r, i] = max(at_zero[r] - fall, 0)
        maximum[r, 0] = largest
