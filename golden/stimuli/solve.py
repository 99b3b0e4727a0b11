"""Operands solved backwards: which of them give a product whose low bits are wanted."""

from __future__ import annotations

import numpy as np

from bittrue.spec.vectors import Integers


def inverse(odd: Integers, bits: int) -> Integers:
    """x with odd * x = 1 modulo 2**bits, for bits up to 63; int64 arithmetic wraps modulo 2**64, which keeps it."""
    with np.errstate(over="ignore"):
        found = odd.copy()  # right modulo 8
        for _ in range(5):  # Newton: each step doubles the bits that are right
            found = found * (2 - odd * found)
    return found & ((1 << bits) - 1)


def factors(
    rng: np.random.Generator, shift: int, rest: int, reach: int, left_bits: int, right_bits: int, wanted: int
) -> tuple[Integers, Integers]:
    """Pairs a, m with a * m = k * 2**shift + rest for a small k: abs(k) <= reach, abs(a) < 2**left_bits,
    0 <= m < 2**right_bits. rest is odd. At most `wanted` pairs, perhaps none.

    Draws m and solves for a modulo 2**shift; of the two representatives the nearer to 0 is the one to hope for.
    """
    least = min(max(0, shift - left_bits), right_bits - 1)
    tries = 1 << 13
    widths = rng.integers(least, min(right_bits - 1, least + 8), tries, endpoint=True)
    m = (rng.integers(0, (np.int64(1) << widths), tries, dtype=np.int64) | (np.int64(1) << widths) >> 1) | 1
    m &= (1 << right_bits) - 1
    with np.errstate(over="ignore"):
        a = (inverse(m, shift) * rest) & ((1 << shift) - 1)
    a = np.where(rng.integers(0, 2, tries) == 1, a - (1 << shift), a)
    short = np.abs(a) < 1 << left_bits
    a, m = a[short], m[short]
    near = np.abs(a * m) >> shift < reach
    return a[near][:wanted], m[near][:wanted]


def tie(
    rng: np.random.Generator, shift: int, odd: Integers, left_bits: int, right_bits: int
) -> tuple[Integers, Integers]:
    """Pairs a, m with a * m = odd * 2**(shift - 1): the odd number goes to a, the powers of two to both.

    Pairs that need more than the bits of a and m are left out; abs(a) <= 2**left_bits (reached by -2**left_bits only).
    """
    size = np.array([0 if o == -1 else abs(int(o)).bit_length() for o in odd], np.int64)
    least = np.maximum(0, shift - 1 - (left_bits - size))
    fits = (least < right_bits) & (size <= left_bits)
    odd, least = odd[fits], least[fits]
    to_right = rng.integers(least, np.maximum(min(shift - 1, right_bits - 1), least), endpoint=True)
    return odd << (shift - 1 - to_right), np.int64(1) << to_right
