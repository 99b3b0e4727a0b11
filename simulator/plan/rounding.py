"""Rounding rules as additions in front of a shift, so that loops over them have no branches; for kernels of plan/.

round_shift(v, shift) = (v + always + (v < 0 ? negative : 0) + ((v >> shift) & odd)) >> shift
"""

from __future__ import annotations

import numpy as np

from bittrue.simulator.fixed import FLOOR, HALF_AWAY, HALF_EVEN, TOSA_DOUBLE, TOWARD_ZERO, Integer
from bittrue.simulator.jit import inlined_jit


@inlined_jit
def rounding_terms(rounding: int, shift: Integer) -> tuple[Integer, Integer, Integer]:
    """always, negative and odd for a rule (one of fixed.ROUNDING_CODES) and a shift of 1..62.

    The sum stays inside 63 bits where |v| + 2**(shift - 1) + 2**30 does.
    """
    half, none = np.int64(1) << (shift - 1), np.int64(0)
    if rounding == FLOOR:
        return none, none, none
    if rounding == TOWARD_ZERO:
        return none, 2 * half - 1, none
    if rounding == HALF_AWAY:
        return half, np.int64(-1), none
    if rounding == HALF_EVEN:
        return half - 1, none, np.int64(1)
    if rounding == TOSA_DOUBLE and shift > 31:
        return half + (1 << 30), np.int64(-(1 << 31)), none
    return half, none, none


@inlined_jit
def rounding_masks(rounding: int) -> tuple[Integer, Integer, Integer, Integer]:
    """half, odd, away and whole of `rounded`, for any rule but tosa_double, whose sum depends on the shift."""
    half = np.int64(0) if rounding in (FLOOR, TOWARD_ZERO) else np.int64(-1)
    odd = np.int64(1) if rounding == HALF_EVEN else np.int64(0)
    away = np.int64(-1) if rounding == HALF_AWAY else np.int64(0)
    whole = np.int64(-1) if rounding == TOWARD_ZERO else np.int64(0)
    return half, odd, away, whole


@inlined_jit
def rounded(value: Integer, shift: Integer, half: Integer, odd: Integer, away: Integer, whole: Integer) -> Integer:
    """round_shift(value, shift) for a shift of 0..61 that differs from one element to the next.

    Twice the value by one shift more, which is the same and gives the value itself for a shift of 0; twice the value,
    and 2**shift more, fit 63 bits.
    """
    place = np.int64(1) << shift
    double = 2 * value
    less = (double >> 63) & (((2 * place - 1) & whole) | away)
    return (double + (place & half) - odd + less + ((double >> (shift + 1)) & odd)) >> (shift + 1)
