"""softmax by gemmlowp's fixed-point functions; see spec/units/softmax/gemmlowp.py. All values are int64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import HALF_AWAY, Integer, round_shift
from bittrue.simulator.jit import jit, parallel_jit, prange
from bittrue.simulator.units.softmax.rows import a_row
from bittrue.spec.units.section import Arrays
from bittrue.spec.units.softmax import GemmlowpSoftmax

ONE = (1 << 31) - 1


def run(unit: GemmlowpSoftmax, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Logits [rows, n], parameters [1] or [rows, 1] -> the unit's stages and output."""
    logits = arrays["logits"].astype(np.int64)
    rows = logits.shape[0]
    scaled, exponential, product, output = (np.empty_like(logits) for _ in range(4))
    maximum, total, reciprocal = (np.empty((rows, 1), np.int64) for _ in range(3))
    probabilities(
        logits,
        a_row(arrays["multiplier"], rows),
        a_row(arrays["shift"], rows),
        a_row(arrays["difference_min"], rows),
        unit.output_bits,
        maximum,
        scaled,
        exponential,
        total,
        reciprocal,
        product,
        output,
    )
    return {
        "maximum": maximum,
        "scaled": scaled,
        "exponential": exponential,
        "sum": total,
        "reciprocal": reciprocal,
        "product": product,
        "output": output,
    }


@parallel_jit
def probabilities(
    logits: NDArray[np.int64],
    multiplier: NDArray[np.int64],
    shift: NDArray[np.int64],
    difference_min: NDArray[np.int64],
    output_bits: int,
    maximum: NDArray[np.int64],
    scaled: NDArray[np.int64],
    exponential: NDArray[np.int64],
    total: NDArray[np.int64],
    reciprocal: NDArray[np.int64],
    product: NDArray[np.int64],
    output: NDArray[np.int64],
) -> None:
    """Fill the last seven arrays; the parameters are [rows]."""
    half = 1 << (output_bits - 1)
    for r in prange(logits.shape[0]):
        row, n = logits[r], logits.shape[1]
        largest = row[0]
        for i in range(n):
            largest = max(largest, row[i])
        s: Integer = np.int64(0)
        for i in range(n):
            difference = row[i] - largest
            scaled[r, i], exponential[r, i] = 0, 0
            if difference >= difference_min[r]:
                scaled[r, i] = high(difference << shift[r], multiplier[r])
                exponential[r, i] = exp_on_negative(scaled[r, i])
            s += round_shift(exponential[r, i], 12, HALF_AWAY)
        left = leading_zeros(s)
        inverse = one_over(s << left)
        right = 31 - output_bits + 12 - left
        for i in range(n):
            p = high(inverse, exponential[r, i])
            rounded = round_shift(p, right, HALF_AWAY)
            product[r, i] = p
            output[r, i] = min(rounded - half, half - 1)
        maximum[r, 0], total[r, 0], reciprocal[r, 0] = largest, s, inverse


@jit
def high(a: Integer, b: Integer) -> Integer:
    """SaturatingRoundingDoublingHighMul: the upper 32 bits of twice the product, nearest, ties upward."""
    return (a * b + (1 << 30)) >> 31


@jit
def leading_zeros(value: Integer) -> Integer:
    """Of a positive number in 32 bits."""
    count = 32
    while value > 0:
        value >>= 1
        count -= 1
    return count


@jit
def exp_on_negative(x: Integer) -> Integer:
    """exp of a Q5.26 number in -31 .. 0, Q0.31."""
    if x == 0:
        return ONE
    quarter = 1 << 24
    low = (x & (quarter - 1)) - quarter
    t = (low << 5) + (1 << 28)
    t2 = high(t, t)
    t3, t4 = high(t2, t), high(t2, t2)
    u = round_shift(high(round_shift(t4, 2, HALF_AWAY) + t3, 715827883) + t2, 1, HALF_AWAY)
    e = 1895147668 + high(1895147668, t + u)
    rest = low - x
    if rest >> 24 & 1:
        e = high(e, 1672461947)  # exp(-1/4)
    if rest >> 25 & 1:
        e = high(e, 1302514674)  # exp(-1/2)
    if rest >> 26 & 1:
        e = high(e, 790015084)  # exp(-1)
    if rest >> 27 & 1:
        e = high(e, 290630308)  # exp(-2)
    if rest >> 28 & 1:
        e = high(e, 39332535)  # exp(-4)
    if rest >> 29 & 1:
        e = high(e, 720401)  # exp(-8)
    if rest >> 30 & 1:
        e = high(e, 242)  # exp(-16)
    return e


@jit
def one_over(denominator: Integer) -> Integer:
    """2**62 / denominator for 2**31 <= denominator < 2**32, by three Newton steps; Q0.31."""
    d = denominator >> 1
    v = 1515870810 + high(d, -1010580540)
    for _ in range(3):
        v += high(v, (1 << 29) - high(d, v)) << 2
    return min(v << 1, ONE)
