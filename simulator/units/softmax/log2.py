"""softmax with powers of two as probabilities (FQ-ViT, HyQ); see spec/units/softmax/log2.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import parallel_jit, prange
from bittrue.simulator.units.softmax.split import exponentials
from bittrue.spec.units.section import Arrays
from bittrue.spec.units.softmax.log2 import Log2Softmax


def run(unit: Log2Softmax, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Logits [rows, n], parameters [1] or [rows, 1] -> the unit's stages and output."""
    found = exponentials(unit, arrays)
    exponential = found["polynomial"] << (unit.halvings - found["octaves"])
    total = exponential.sum(axis=1, keepdims=True)
    quotient, log2, output = (np.empty_like(exponential) for _ in range(3))
    powers(exponential, total[:, 0], unit.last, unit.past_the_end == "zero", quotient, log2, output)
    return {
        **found,
        "exponential": exponential,
        "sum": total,
        "quotient": quotient,
        "log2": log2,
        "output": output,
    }


@parallel_jit
def powers(
    exponential: NDArray[np.int64],
    total: NDArray[np.int64],
    last: int,
    zero_past: bool,
    quotient: NDArray[np.int64],
    log2: NDArray[np.int64],
    output: NDArray[np.int64],
) -> None:
    """Fill the last three arrays [rows, n] from exponentials [rows, n] and their sums [rows]."""
    for r in prange(exponential.shape[0]):
        for i in range(exponential.shape[1]):
            e, x, k = exponential[r, i], 0, last + 1
            if e > 0:
                x = total[r] // e
                left = total[r] - x * e
                if left > e - left or (left == e - left and x & 1):
                    x += 1
                k = 0
                while x >> (k + 1) > 0:
                    k += 1
                if k > 0 and x >> (k - 1) & 1:  # the bit below the leading one: at least 1.5 * 2**k
                    k += 1
                k = min(k, last + 1)
            if not zero_past:
                k = min(k, last)
            quotient[r, i], log2[r, i] = x, k
            output[r, i] = 0 if k > last else 1 << (last - k)
