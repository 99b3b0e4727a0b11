"""Correctly rounded tables: real functions of codes, from exact arithmetic.

Rational functions are evaluated as fractions. exp and what is made of it is evaluated by `decimal`,
whose exp is correctly rounded, to 60 digits: a table entry would be wrong only if the true value lay
within 1e-55 of a rounding tie, which no scale that fits a float64 comes near by chance.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.arithmetic import clamp

_CONTEXT = decimal.Context(prec=60, rounding=decimal.ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)


def _exp(x: Fraction) -> Fraction:
    """exp(x) to 60 digits."""
    exact = _CONTEXT.divide(Decimal(x.numerator), Decimal(x.denominator))
    return Fraction(_CONTEXT.exp(exact))


def _sigmoid(x: Fraction) -> Fraction:
    # exp of a non-positive argument only: it stays in range for any x.
    e = _exp(-abs(x))
    return 1 / (1 + e) if x >= 0 else e / (1 + e)


def _unit(x: Fraction) -> Fraction:
    return min(max(x, Fraction(0)), Fraction(1))


FUNCTIONS: dict[str, Callable[[Fraction], Fraction]] = {
    "silu": lambda x: x * _sigmoid(x),
    "sigmoid": _sigmoid,
    "relu": lambda x: max(x, Fraction(0)),
    "hardsigmoid": lambda x: _unit(x / 6 + Fraction(1, 2)),
    "hardswish": lambda x: x * _unit(x / 6 + Fraction(1, 2)),
}
"""Elementwise functions that a table can hold, by the name of a `function` node."""


def round_half_up(value: Fraction) -> int:
    """The nearest integer, ties toward +infinity: the rounding of every table entry and constant."""
    return math.floor(value + Fraction(1, 2))


def function_table(
    function: Callable[[Fraction], Fraction],
    codes: tuple[int, int],
    scale_in: float,
    zero_in: int,
    scale_out: float,
    zero_out: int,
    out_range: tuple[int, int],
) -> NDArray[np.int64]:
    """Codes of function(real value) for every input code low..high, [high - low + 1]."""
    step_in, step_out = Fraction(scale_in), Fraction(scale_out)
    entries = [
        clamp(round_half_up(function((code - zero_in) * step_in) / step_out) + zero_out, *out_range)
        for code in range(codes[0], codes[1] + 1)
    ]
    return np.array(entries, dtype=np.int64)


def exponential_table(bits: int, scale: float, exponential_bits: int) -> NDArray[np.int64]:
    """round(top * exp(-d * scale)) for d = 0 .. 2**bits - 1, top = 2**exponential_bits - 1."""
    top, step = (1 << exponential_bits) - 1, Fraction(scale)
    return np.array([round_half_up(top * _exp(-d * step)) for d in range(1 << bits)], dtype=np.int64)
