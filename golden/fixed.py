"""The judge's integer arithmetic on torch int64 tensors.

For readers who check the normative formulas of docs/arithmetic.md against a second statement: it is
written apart from `spec/arithmetic.py` and from the simulator, by quotient and remainder instead of by
adding a rounding constant. Every function is exact for every operand its docstring admits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor

from bittrue.spec.arithmetic import Rounding

TOSA_DISTURBANCE = 1 << 30
"""What TOSA's DOUBLE_ROUND moves a value away from zero before a shift above 31 (RESCALE, apply_scale_32)."""


def round_shift(value: Tensor, shift: Tensor | int, rounding: Rounding) -> Tensor:
    """Divide by 2**shift and round as `rounding` says.

    value: int64, any shape, any value. shift: an integer or int64 broadcastable to value, 1..63.
    Returns int64 of the broadcast shape.
    """
    shift = torch.as_tensor(shift, dtype=torch.int64)
    floor = value >> shift
    if rounding is Rounding.FLOOR:
        return floor
    remainder = value - (floor << shift)  # 0 .. 2**shift - 1, whatever the sign of value
    if rounding is Rounding.TOWARD_ZERO:
        return floor + ((remainder > 0) & (value < 0))
    half = torch.ones_like(shift) << (shift - 1)
    if rounding is Rounding.TOSA_DOUBLE:
        away = torch.where(value >= 0, TOSA_DISTURBANCE, -TOSA_DISTURBANCE)
        return floor + (remainder >= half - torch.where(shift > 31, away, 0))
    if rounding is Rounding.HALF_UP:
        tie_goes_up = torch.ones_like(value, dtype=torch.bool)
    elif rounding is Rounding.HALF_AWAY:
        tie_goes_up = value >= 0
    else:
        assert rounding is Rounding.HALF_EVEN, rounding
        tie_goes_up = floor % 2 == 1
    return floor + ((remainder > half) | ((remainder == half) & tie_goes_up))


def shifted(value: Tensor, shift: Tensor | int, rounding: Rounding) -> Tensor:
    """`round_shift` for shifts 0..63: a shift of 0 leaves the value as it is."""
    shift = torch.as_tensor(shift, dtype=torch.int64)
    return torch.where(shift > 0, round_shift(value, shift.clamp(min=1), rounding), value)


def wrap(value: Tensor, bits: int) -> Tensor:
    """What a two's complement register of `bits` bits (1..62) holds of an int64: its low bits, signed."""
    low_bits = value & ((1 << bits) - 1)
    negative = low_bits >> (bits - 1)
    return low_bits - (negative << bits)


def read_unsigned(value: Tensor, bits: int) -> Tensor:
    """The low `bits` bits (1..62) of an int64, read as an unsigned number."""
    return value % (1 << bits)


def clamp(value: Tensor, low: Tensor | int, high: Tensor | int) -> Tensor:
    """Saturate into [low, high]: integers, or int64 broadcastable to value."""
    low, high = (torch.as_tensor(end, dtype=torch.int64) for end in (low, high))
    return torch.minimum(torch.maximum(value, low), high)


def saturate(value: Tensor, bits: int) -> Tensor:
    """Saturate into the range of a two's complement number of `bits` bits (1..63)."""
    return clamp(value, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def held(value: Tensor, bits: int, overflow: Literal["wrap", "saturate"]) -> Tensor:
    """What a two's complement register of `bits` bits that wraps or saturates holds of an int64."""
    return wrap(value, bits) if overflow == "wrap" else saturate(value, bits)


def saturating_sum(start: Tensor, terms: Iterable[Tensor], bits: int) -> Tensor:
    """Add terms to `start` one after another in a register that saturates after each addition.

    start and terms: int64, broadcastable to one shape; |start| + |term| < 2**63. `start` itself is
    loaded as it is. Returns int64.
    """
    register = start
    for term in terms:
        register = saturate(register + term, bits)
    return register


def integer_root(value: Tensor) -> Tensor:
    """floor(sqrt(value)) exactly, int64, for 0 <= value < 2**63.

    float64 gives the root to within one: as a double, value has a relative error of 2**-53, so its root,
    below 2**31.5, has an absolute error below 2**-20. Comparisons of integers settle it.
    """
    return settled_root(value.to(torch.float64).sqrt().to(torch.int64), value)


def settled_root(guess: Tensor, value: Tensor) -> Tensor:
    """floor(sqrt(value)) from a guess that is at most one off and at most floor(sqrt(2**63 - 1))."""
    root = guess - (guess * guess > value).to(torch.int64)
    # (root + 1)**2 <= value, written so that nothing exceeds 63 bits.
    return root + (value - root * root >= 2 * root + 1)


def floor_reciprocal(bits: int, value: Tensor) -> Tensor:
    """floor(2**bits / value), int64, for bits 0..62 and value >= 1."""
    return torch.div(torch.full_like(value, 1 << bits), value, rounding_mode="floor")
