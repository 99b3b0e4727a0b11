"""The normative integer arithmetic; the prose stands in docs/arithmetic.md.

`round_shift` and `wrap` mean the same for Python integers below 2**63, for NumPy int64 arrays and for
torch int64 tensors, because they use only `+ - * >> << &`; the other functions take Python integers.
Two other statements exist and share no code with this one: `simulator/fixed.py` (numba) and
`golden/fixed.py` (torch). tests/vectors/arithmetic.json binds the three.

Domain: every intermediate lies strictly inside (-2**63, 2**63); who calls proves it (spec/bounds.py).
"""

from __future__ import annotations

import math
from enum import StrEnum
from fractions import Fraction
from typing import Any

from bittrue.spec.errors import IllFormed

INT64_LIMIT = 1 << 63
"""Every intermediate of every op stays strictly below this in magnitude (docs/design.md, decision 2)."""


class Rounding(StrEnum):
    """What `round_shift` does with the bits that it shifts out."""

    HALF_UP = "half_up"
    """To nearest, ties toward +infinity: add half, then shift. The default of `iot_npu`."""
    HALF_AWAY = "half_away"
    """To nearest, ties away from zero."""
    HALF_EVEN = "half_even"
    """To nearest, ties to the even result (IEEE 754 roundTiesToEven)."""
    FLOOR = "floor"
    """Toward -infinity: the bare arithmetic shift."""
    TOWARD_ZERO = "toward_zero"
    """Truncation: the magnitude's bits are dropped, as by C's integer division."""
    TOSA_DOUBLE = "tosa_double"
    """TOSA 1.0 RESCALE with DOUBLE_ROUND: half up; for a shift above 31, 2**30 is first moved away from zero."""


def round_shift(value: Any, shift: Any, rounding: Rounding = Rounding.HALF_UP) -> Any:
    """Divide an integer by 2**shift and round as `rounding` says.

    value: integer, or int64 array of any shape; |value| + 2**(shift-1) < 2**63.
    shift: integer or int64 array broadcastable to value, 1..62.
    Returns the type and shape of value.
    """
    half = 1 << (shift - 1)
    if rounding is Rounding.HALF_UP:
        return (value + half) >> shift
    if rounding is Rounding.HALF_AWAY:
        return (value + half + (value >> 63)) >> shift
    if rounding is Rounding.HALF_EVEN:
        return (value + (half - 1) + ((value >> shift) & 1)) >> shift
    if rounding is Rounding.TOWARD_ZERO:
        return (value + ((value >> 63) & ((1 << shift) - 1))) >> shift
    if rounding is Rounding.TOSA_DOUBLE:
        # All that is added is a multiple of 2**30 where shift > 31, so the bits below may go first.
        far = (shift > 31) * 1
        away = far * (1 + 2 * (value >> 63))
        return ((value >> 30 * far) + (half >> 30 * far) + away) >> (shift - 30 * far)
    return value >> shift


def wrap(value: Any, bits: int) -> Any:
    """Keep the low `bits` bits as a two's complement number: what an overflowing register holds.

    value: integer or int64 array; bits 1..62. Result in [-2**(bits-1), 2**(bits-1) - 1].
    """
    half = 1 << (bits - 1)
    return ((value + half) & ((1 << bits) - 1)) - half


def code_range(bits: int, signed: bool) -> tuple[int, int]:
    """The lowest and the highest code of a two's complement (or unsigned) number of `bits` bits."""
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def clamp(value: int, low: int, high: int) -> int:
    """Saturate one Python integer into [low, high]."""
    return low if value < low else high if value > high else value


def scale(
    accumulator: int,
    multiplier: int,
    shift: int,
    rounding: Rounding = Rounding.HALF_UP,
    second_rounding: Rounding | None = None,
    first_shift: int = 31,
) -> int:
    """The requantizer's `rounded`: accumulator * multiplier / 2**shift, rounded once or twice.

    Once: round_shift(acc * m, s). Twice (`second_rounding` given), with f = first_shift:
    round_shift((acc << max(0, f - s)) * m, f) and, where s > f, round_shift of that by s - f with
    second_rounding. With f = 31, half up and half away it is gemmlowp's SaturatingRoundingDoublingHighMul
    followed by RoundingDivideByPOT, for positive multipliers and left shifts that do not overflow.
    """
    if second_rounding is None:
        return int(round_shift(accumulator * multiplier, shift, rounding))
    high_half = int(round_shift((accumulator << max(0, first_shift - shift)) * multiplier, first_shift, rounding))
    return high_half if shift <= first_shift else int(round_shift(high_half, shift - first_shift, second_rounding))


def requantize(
    accumulator: int,
    multiplier: int,
    shift: int,
    zero_point: int,
    low: int,
    high: int,
    rounding: Rounding = Rounding.HALF_UP,
    second_rounding: Rounding | None = None,
    first_shift: int = 31,
) -> int:
    """Bring one accumulator to an output code: `clamp(scale(acc, m, s) + zp, low, high)`.

    One multiplication, one rounding (or two, see `scale`), the zero point after the shift, one
    saturation at the end. multiplier: any sign, |m| < 2**31; shift 1..62; |zero_point| <= 2**30.
    """
    rounded = scale(accumulator, multiplier, shift, rounding, second_rounding, first_shift)
    return clamp(rounded + zero_point, low, high)


def integer_root(value: int) -> int:
    """floor(sqrt(value)) exactly, for 0 <= value < 2**63."""
    return math.isqrt(value)


def multiplier_and_shift(ratio: Fraction, multiplier_bits: int, shift_max: int, shift_min: int = 1) -> tuple[int, int]:
    """The integer pair (m, s) with m / 2**s nearest to a positive real ratio.

    m in [2**(multiplier_bits-1), 2**multiplier_bits), s in shift_min..shift_max; ties of m round up.
    Raises IllFormed when the ratio needs a shift outside these.
    """
    if ratio <= 0:
        raise IllFormed("a requantization ratio must be positive", got=float(ratio), expected="> 0")
    # floor(log2(ratio)) exactly: the bit lengths give it to within one, one comparison settles it.
    exponent = ratio.numerator.bit_length() - ratio.denominator.bit_length()
    if ratio < _power_of_two(exponent):
        exponent -= 1
    shift = multiplier_bits - 1 - exponent
    multiplier = math.floor(ratio * _power_of_two(shift) + Fraction(1, 2))
    if multiplier == 1 << multiplier_bits:  # rounded up to the next power of two
        multiplier >>= 1
        shift -= 1
    if not shift_min <= shift <= shift_max:
        raise IllFormed(
            "a requantization ratio is outside what the multiplier and shifter can express",
            got=f"ratio {float(ratio):.6g}, which needs shift {shift}",
            expected=f"a shift in {shift_min}..{shift_max}",
            next_step="choose a wider output scale"
            if shift < shift_min
            else "choose scales that lie closer together, or a wider shift",
        )
    return multiplier, shift


def _power_of_two(exponent: int) -> Fraction:
    return Fraction(1 << exponent) if exponent >= 0 else Fraction(1, 1 << -exponent)


def signed_bits(low: int, high: int) -> int:
    """The least two's complement width that holds every integer of [low, high]."""
    return max((-low - 1).bit_length() if low < 0 else 0, high.bit_length() if high > 0 else 0) + 1
