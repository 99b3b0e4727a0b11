"""Exact multiply-accumulate in whatever order is fast; `accumulate.py` says when that may be used.

The inner loop runs over consecutive outputs, eight taps at a time, so that an accumulator is loaded and
stored once for eight products and the compiler fills vector registers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import jit, parallel_jit, prange

Integers = NDArray[np.integer]

STRIP = 1024
"""Outputs of a row done at once: the accumulators and eight runs of data stay in the first-level cache."""
ROWS = 16
"""Rows that share a strip of data while it lies in the second-level cache."""


@parallel_jit
def multiply_accumulate(accumulator: Integers, weight: Integers, starts: Integers, data: Integers) -> None:
    """accumulator[g, r, p] += sum over t of weight[g, r, t] * data[starts[g, t] + p].

    accumulator [groups, rows, outputs], weight [groups, rows, taps] and data [any] of one dtype, int32 or
    int64, in which every partial sum fits; starts int64 [groups, taps].
    """
    groups, rows, outputs = accumulator.shape
    strips, blocks = (outputs + STRIP - 1) // STRIP, (rows + ROWS - 1) // ROWS
    strip = (outputs + strips - 1) // strips
    for item in prange(groups * blocks * strips):
        g, block, left = item // (blocks * strips), item // strips % blocks, item % strips * strip
        right = min(left + strip, outputs)
        for r in range(block * ROWS, min(block * ROWS + ROWS, rows)):
            _add_row(accumulator[g, r, left:right], weight[g, r], starts[g], data[left:])


@jit
def _add_row(total: Integers, weight: Integers, starts: Integers, data: Integers) -> None:
    """Add all taps to a strip of one row."""
    taps = weight.size
    whole = taps - taps % 8
    for t in range(0, whole, 8):
        _add_eight(total, weight[t : t + 8], starts[t : t + 8], data)
    for t in range(whole, taps):
        _add_one(total, weight[t], data[starts[t] : starts[t] + total.size])


@jit
def _add_one(total: Integers, w: int, x: Integers) -> None:
    kind = total.dtype.type
    for p in range(total.size):
        total[p] = kind(total[p] + kind(w * x[p]))


@jit
def _add_eight(total: Integers, w: Integers, s: Integers, data: Integers) -> None:
    # Slices, because an index computed as start + p is checked for negative values and not vectorized.
    # The casts keep products and sums in the working type; numba would widen them to int64.
    kind, n = total.dtype.type, total.size
    w0, w1, w2, w3, w4, w5, w6, w7 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
    x0, x1, x2, x3 = data[s[0] : s[0] + n], data[s[1] : s[1] + n], data[s[2] : s[2] + n], data[s[3] : s[3] + n]
    x4, x5, x6, x7 = data[s[4] : s[4] + n], data[s[5] : s[5] + n], data[s[6] : s[6] + n], data[s[7] : s[7] + n]
    for p in range(n):
        total[p] = kind(
            total[p]
            + kind(w0 * x0[p])
            + kind(w1 * x1[p])
            + kind(w2 * x2[p])
            + kind(w3 * x3[p])
            + kind(w4 * x4[p])
            + kind(w5 * x5[p])
            + kind(w6 * x6[p])
            + kind(w7 * x7[p])
        )
