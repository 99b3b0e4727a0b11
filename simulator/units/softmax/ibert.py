"""softmax of I-BERT; see spec/units/softmax/ibert.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, Integer, round_shift
from bittrue.simulator.jit import parallel_jit, prange
from bittrue.simulator.units.softmax.rows import a_row
from bittrue.simulator.units.softmax.split import exponentials
from bittrue.spec.units.section import Arrays
from bittrue.spec.units.softmax import IbertSoftmax


def run(unit: IbertSoftmax, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Logits [rows, n], parameters [1] or [rows, 1] -> the unit's stages and output."""
    found = exponentials(unit, arrays)
    polynomial = found["polynomial"]
    rows = polynomial.shape[0]
    exponential = np.empty_like(polynomial)
    rescale(
        polynomial,
        found["octaves"],
        a_row(arrays["multiplier"], rows),
        a_row(arrays["shift"], rows),
        unit.exponential_max,
        ROUNDING_CODES[unit.rounding],
        exponential,
    )
    total = exponential.sum(axis=1, keepdims=True)
    reciprocal = (1 << unit.reciprocal_bits) // total
    shifted = exponential * reciprocal >> (unit.reciprocal_bits - unit.output_bits)
    output = np.minimum(shifted, (1 << unit.output_bits) - 1)
    return {**found, "exponential": exponential, "sum": total, "reciprocal": reciprocal, "output": output}


@parallel_jit
def rescale(
    polynomial: NDArray[np.int64],
    octaves: NDArray[np.int64],
    multiplier: NDArray[np.int64],
    shift: NDArray[np.int64],
    top: int,
    rounding: int,
    exponential: NDArray[np.int64],
) -> None:
    """Fill the last array [rows, n]; multiplier and shift are [rows]."""
    for r in prange(polynomial.shape[0]):
        for i in range(polynomial.shape[1]):
            right = shift[r] + octaves[r, i]
            e: Integer = np.int64(0)
            if right <= 62:
                e = round_shift(polynomial[r, i] * multiplier[r], right, rounding)
            exponential[r, i] = min(e, top)
