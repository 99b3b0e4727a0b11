"""The judge's integer arithmetic on torch int64 tensors.

For readers who check the normative formulas of docs/arithmetic.md against a second statement: it is
written apart from `spec/arithmetic.py` and from the simulator, by quotient and remainder instead of by
adding a rounding constant. Every function is exact for every operand its docstring admits.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from bittrue.spec.arithmetic import Rounding


def round_shift(value: Tensor, shift: Tensor | int, rounding: Rounding) -> Tensor:
    """Divide by 2**shift and round as `rounding` says.

    value: int64, any shape, any value. shift: an integer or int64 broadcastable to value, 1..62.
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
    if rounding is Rounding.HALF_UP:
        tie_goes_up = torch.ones_like(value, dtype=torch.bool)
    elif rounding is Rounding.HALF_AWAY:
        tie_goes_up = value >= 0
    else:
        tie_goes_up = floor % 2 == 1
    return floor + ((remainder > half) | ((remainder == half) & tie_goes_up))


def wrap(value: Tensor, bits: int) -> Tensor:
    """What a two's complement register of `bits` bits (1..62) holds of an int64: its low bits, signed."""
    low_bits = value & ((1 << bits) - 1)
    negative = low_bits >> (bits - 1)
    return low_bits - (negative << bits)


def clamp(value: Tensor, low: int, high: int) -> Tensor:
    """Saturate into [low, high]."""
    return value.clamp(low, high)


def saturate(value: Tensor, bits: int) -> Tensor:
    """Saturate into the range of a two's complement number of `bits` bits (1..63)."""
    return clamp(value, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


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
