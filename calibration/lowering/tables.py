"""Correctly rounded tables: real functions of codes, from exact arithmetic.

Rational functions are evaluated as fractions. exp and what is made of it is evaluated by `decimal`,
whose exp is correctly rounded, to 60 digits, gelu by its power series to as many: a table entry would be
wrong only if the true value lay within 1e-55 of a rounding tie, which no scale that fits a float64 comes
near by chance.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.arithmetic import clamp

_CONTEXT = decimal.Context(prec=60, rounding=decimal.ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)
_WIDE = decimal.Context(prec=170, rounding=decimal.ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)
TABLES_KEPT = 4096
"""Tables that are remembered: a study lowers one plan for many datapaths."""
_TAIL = 20
"""Beyond this many standard deviations gelu is 0 or x but for less than 1e-87."""


def _exp(x: Fraction) -> Fraction:
    """exp(x) to 60 digits."""
    exact = _CONTEXT.divide(Decimal(x.numerator), Decimal(x.denominator))
    return Fraction(_CONTEXT.exp(exact))


def _sigmoid(x: Fraction) -> Fraction:
    # exp of a non-positive argument only: it stays in range for any x.
    e = _exp(-abs(x))
    return 1 / (1 + e) if x >= 0 else e / (1 + e)


def _gelu(x: Fraction) -> Fraction:
    """x * (1 + erf(x / sqrt(2))) / 2."""
    if abs(x) > _TAIL:
        # The upper tail's probability is below 1e-88: it decides nothing but on which side of a tie x lies.
        tail = abs(x) * Fraction(1, 10**90)
        return x - tail if x > 0 else -tail
    z = _WIDE.divide(Decimal(x.numerator), Decimal(x.denominator))
    # Phi(z) = 1/2 + phi(z) * (z + z^3 / 3 + z^5 / (3 * 5) + ...), whose terms all have the sign of z.
    square, term, total, divisor = _WIDE.multiply(z, z), z, Decimal(0), 1
    while term and (not total or abs(term) > abs(total) * Decimal("1e-165")):
        total = _WIDE.add(total, term)
        divisor += 2
        term = _WIDE.divide(_WIDE.multiply(term, square), Decimal(divisor))
    density = _WIDE.divide(_WIDE.exp(_WIDE.divide(square, Decimal(-2))), _WIDE.sqrt(_WIDE.multiply(Decimal(2), _pi())))
    return x * (Fraction(1, 2) + Fraction(_WIDE.multiply(density, total)))


@cache
def _pi() -> Decimal:
    """By Machin's formula, 16 arctan(1/5) - 4 arctan(1/239)."""

    def arctan_of_inverse(n: int) -> Fraction:
        # Terms fall by n^2 > 25 each: 130 of them leave less than 1e-180.
        return sum((Fraction((-1) ** k, (2 * k + 1) * n ** (2 * k + 1)) for k in range(130)), Fraction(0))

    pi = 16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)
    return _WIDE.divide(Decimal(pi.numerator), Decimal(pi.denominator))


def _unit(x: Fraction) -> Fraction:
    return min(max(x, Fraction(0)), Fraction(1))


FUNCTIONS: dict[str, Callable[[Fraction], Fraction]] = {
    "silu": lambda x: x * _sigmoid(x),
    "sigmoid": _sigmoid,
    "gelu": _gelu,
    "relu": lambda x: max(x, Fraction(0)),
    "relu6": lambda x: min(max(x, Fraction(0)), Fraction(6)),
    "hardsigmoid": lambda x: _unit(x / 6 + Fraction(1, 2)),
    "hardswish": lambda x: x * _unit(x / 6 + Fraction(1, 2)),
}
"""Elementwise functions that a table can hold, by the name of a `function` node."""


def round_half_up(value: Fraction) -> int:
    """The nearest integer, ties toward +infinity: the rounding of every table entry and constant."""
    return math.floor(value + Fraction(1, 2))


def round_half_away(value: Fraction) -> int:
    """The nearest integer, ties away from zero, as C's round."""
    return math.floor(value + Fraction(1, 2)) if value >= 0 else -math.floor(Fraction(1, 2) - value)


def function_table(
    function: Callable[[Fraction], Fraction],
    codes: tuple[int, int],
    scale_in: float,
    zero_in: int,
    scale_out: float,
    zero_out: int,
    out_range: tuple[int, int],
    region_shift: int = 0,
) -> NDArray[np.int64]:
    """Codes of function(real value) for every input code low..high, [high - low + 1].

    region_shift: positive values become multiples of 2**region_shift (TensorPlan.region_shift).
    """
    entries = _entries(function, codes, scale_in, zero_in, scale_out, zero_out, out_range, region_shift)
    return np.array(entries, dtype=np.int64)


@lru_cache(maxsize=TABLES_KEPT)
def _entries(
    function: Callable[[Fraction], Fraction],
    codes: tuple[int, int],
    scale_in: float,
    zero_in: int,
    scale_out: float,
    zero_out: int,
    out_range: tuple[int, int],
    region_shift: int,
) -> tuple[int, ...]:
    step_out = Fraction(scale_out)
    steps = [value / step_out for value in _values(function, codes, scale_in, zero_in)]
    if region_shift:
        low, high = (end >> region_shift for end in out_range)
        return tuple(_twin(step, region_shift, low, high) for step in steps)
    return tuple(clamp(round_half_up(step) + zero_out, *out_range) for step in steps)


@lru_cache(maxsize=4)
def _values(
    function: Callable[[Fraction], Fraction], codes: tuple[int, int], scale_in: float, zero_in: int
) -> tuple[Fraction, ...]:
    """function(real value) of every code. Kept: the channels of a tensor differ in their output's scale alone."""
    step_in = Fraction(scale_in)
    return tuple(function((code - zero_in) * step_in) for code in range(codes[0], codes[1] + 1))


def _twin(step: Fraction, region_shift: int, low: int, high: int) -> int:
    """The nearest twin uniform code: low..0, or 0..high shifted to the left."""
    if step < 0:
        return clamp(round_half_up(step), low, 0)
    return clamp(round_half_up(step / (1 << region_shift)), 0, high) << region_shift


def exponential_table(bits: int, scale: float | Fraction, exponential_bits: int) -> NDArray[np.int64]:
    """round(top * exp(-d * scale)) for d = 0 .. 2**bits - 1, top = 2**exponential_bits - 1."""
    top, step = (1 << exponential_bits) - 1, Fraction(scale)
    return np.array([round_half_up(top * _exp(-d * step)) for d in range(1 << bits)], dtype=np.int64)
