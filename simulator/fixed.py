"""Fixed-point arithmetic of the integer machine, one number at a time, for the kernels.

Written as a datapath computes it (quotient, guard bit, sticky bits; a bit-by-bit root) and apart from
`spec/arithmetic.py`, whose meaning it restates. All values are int64; no float occurs.
"""

from __future__ import annotations

import numpy as np

from bittrue.simulator.jit import jit
from bittrue.spec.arithmetic import Rounding

Integer = int | np.signedinteger
"""An int64 in compiled code; a Python or NumPy integer where NUMBA_DISABLE_JIT is set."""

HALF_UP, HALF_AWAY, HALF_EVEN, FLOOR, TOWARD_ZERO, TOSA_DOUBLE = 0, 1, 2, 3, 4, 5

ROUNDING_CODES: dict[Rounding, int] = {
    Rounding.HALF_UP: HALF_UP,
    Rounding.HALF_AWAY: HALF_AWAY,
    Rounding.HALF_EVEN: HALF_EVEN,
    Rounding.FLOOR: FLOOR,
    Rounding.TOWARD_ZERO: TOWARD_ZERO,
    Rounding.TOSA_DOUBLE: TOSA_DOUBLE,
}
"""The small integers by which compiled functions know the rounding rules."""


@jit
def round_shift(value: Integer, shift: Integer, rounding: int) -> Integer:
    """Divide by 2**shift and round as `rounding` (one of ROUNDING_CODES) says; shift 1..62.

    The guard bit is the first bit shifted out; the sticky bits are all below it.
    """
    quotient = value >> shift
    if rounding == FLOOR:
        return quotient
    if rounding == TOWARD_ZERO:
        # The quotient lies below the value; a negative one with bits shifted out moves up to zero's side.
        return quotient + (1 if value < 0 and quotient << shift != value else 0)
    if rounding == TOSA_DOUBLE and shift > 31:
        value += -(1 << 30) if value < 0 else 1 << 30
        quotient = value >> shift
    guard = (value >> (shift - 1)) & 1
    if rounding in (HALF_UP, TOSA_DOUBLE):
        return quotient + guard
    sticky = value & ((1 << (shift - 1)) - 1)
    if sticky != 0:  # no tie: the guard bit decides
        return quotient + guard
    if rounding == HALF_AWAY:
        return quotient + (guard if value >= 0 else 0)
    return quotient + (guard & quotient)


@jit
def clamp(value: Integer, low: Integer, high: Integer) -> Integer:
    """The nearest number of [low, high]."""
    return min(max(value, low), high)


@jit
def saturate(value: Integer, bits: Integer) -> Integer:
    """The nearest two's complement number of `bits` bits, 1..62."""
    return clamp(value, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


@jit
def wrap(value: Integer, bits: Integer) -> Integer:
    """What a two's complement register of `bits` bits, 1..62, keeps of a value."""
    kept = value & ((1 << bits) - 1)
    if kept >> (bits - 1):  # the sign bit is set
        kept -= 1 << bits
    return kept


@jit
def integer_root(value: Integer) -> Integer:
    """floor(sqrt(value)) for 0 <= value < 2**63, two bits of the operand a step, as hardware does it."""
    remainder, root, place = value, 0, 1 << 62
    while place > 0:
        trial = root + place
        root >>= 1
        if remainder >= trial:
            remainder -= trial
            root += place
        place >>= 2
    return root


@jit
def requantize(
    accumulator: Integer,
    multiplier: Integer,
    offset: Integer,
    shift: Integer,
    zero_point: Integer,
    low: Integer,
    high: Integer,
    rounding: int,
) -> Integer:
    """clamp(round_shift(accumulator * multiplier + offset, shift) + zero_point, low, high).

    accumulator, multiplier: any integer width; their product plus offset lies strictly inside 2**63.
    """
    # Widened first: two 32-bit factors have a 64-bit product.
    scaled = np.int64(accumulator) * np.int64(multiplier) + np.int64(offset)
    return clamp(round_shift(scaled, shift, rounding) + zero_point, low, high)


@jit
def requantize_twice(
    accumulator: Integer,
    multiplier: Integer,
    shift: Integer,
    zero_point: Integer,
    low: Integer,
    high: Integer,
    rounding: int,
    second: int,
    first_shift: Integer,
) -> Integer:
    """`requantize` with two shifts: the high half of the product by first_shift, the rest by `second`.

    A shift below first_shift lifts the accumulator first; the lifted product lies strictly inside 2**63.
    """
    rest = np.int64(shift) - np.int64(first_shift)
    lifted = np.int64(accumulator)
    if rest < 0:
        lifted = lifted << -rest
    half = round_shift(lifted * np.int64(multiplier), first_shift, rounding)
    if rest > 0:
        half = round_shift(half, rest, second)
    return clamp(half + zero_point, low, high)
