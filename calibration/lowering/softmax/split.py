"""Coefficients of the exponential of I-BERT, FQ-ViT and HyQ; see spec/units/softmax/split.py.

Floored as the released codes floor them, from exact fractions instead of float32.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from bittrue.calibration.lowering.constants import Constants
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.softmax.split import FACTOR_MAX, SplitExponential

LN2 = Fraction("0.6931")
"""To the digits of the released codes."""
A2, A1, A0 = Fraction("0.35815147"), Fraction("0.96963238"), Fraction(1)
"""exp(x) ~ A2*x**2 + A1*x + A0 on (-ln 2, 0], I-BERT."""
LINE_A1, LINE_A0 = Fraction("0.08947606"), Fraction("0.12121466")
"""exp(x) / 8 ~ LINE_A1*x + LINE_A0, HyQ."""


def quadratic(unit: SplitExponential, bits: int, scale: Fraction) -> Constants:
    """octave, b and c, each [1]; refuses scales at which a coefficient is 0 or passes its register."""
    c = _coefficient("c", A0 / A2 / scale**2, (1 << 62) - 1)
    return {**_octave_and(A1 / A2, scale), "c": np.array([c], np.int64)}


def line(unit: SplitExponential, bits: int, scale: Fraction) -> Constants:
    """octave and b, each [1]; refuses scales at which a coefficient is 0 or passes its register."""
    return _octave_and(LINE_A0 / LINE_A1, scale)


def _octave_and(ratio: Fraction, scale: Fraction) -> Constants:
    b = _coefficient("b", ratio / scale, FACTOR_MAX)
    return {"octave": np.array([math.ceil(LN2 / scale)], np.int64), "b": np.array([b], np.int64)}


def _coefficient(name: str, exact: Fraction, largest: int) -> int:
    value = math.floor(exact)
    if not 1 <= value <= largest:
        raise Unsupported(
            f"the scale of the logits gives the exponential no coefficient '{name}'",
            got=value,
            expected=f"1..{largest}",
        )
    return value
