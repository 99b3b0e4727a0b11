"""Sums in the machine's order with saturation after every addition.

For datapaths whose accumulator saturates, in steps whose bound does not prove that it never has to.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import saturate
from bittrue.simulator.jit import jit, parallel_jit, prange

Integers = NDArray[np.integer]

STRIP = 1024
"""Outputs of a row done at once, so that their accumulators stay in the first-level cache."""


@parallel_jit
def saturating_multiply_accumulate(
    accumulator: Integers, weight: Integers, starts: Integers, data: Integers, bits: int
) -> None:
    """Add weight[g, r, t] * data[starts[g, t] + p] to accumulator[g, r, p] for t ascending.

    Each sum saturates at `bits` bits.

    accumulator int64 [groups, rows, outputs]; weight int64 [groups, rows, taps]; starts int64
    [groups, taps]; data int64 [any].
    """
    groups, rows, outputs = accumulator.shape
    strips = (outputs + STRIP - 1) // STRIP
    for item in prange(groups * rows * strips):
        g, r, left = item // (rows * strips), item // strips % rows, item % strips * STRIP
        right = min(left + STRIP, outputs)
        for t in range(starts.shape[1]):
            run = data[starts[g, t] + left : starts[g, t] + right]
            _add_saturating(accumulator[g, r, left:right], weight[g, r, t], run, bits)


@jit
def _add_saturating(total: Integers, w: int, x: Integers, bits: int) -> None:
    for p in range(total.size):
        total[p] = saturate(total[p] + w * x[p], bits)


@jit
def saturating_sums(total: Integers, terms: Integers, bits: int) -> None:
    """Add terms[r, t] to total[r] for t ascending, each sum saturated at `bits` bits.

    total int64 [rows]; terms int64 [rows, terms].
    """
    for r in range(terms.shape[0]):
        accumulator = total[r]
        for t in range(terms.shape[1]):
            accumulator = saturate(accumulator + terms[r, t], bits)
        total[r] = accumulator
