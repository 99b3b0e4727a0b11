"""ITA's gelu, fast; see spec/units/activation/ita_gelu.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.units.activation.elements import beside
from bittrue.spec.units.activation import ItaGelu
from bittrue.spec.units.section import Arrays

REGISTER = 1 << 26


def run(unit: ItaGelu, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes of any shape -> "clipped", "erf" and "output" of that shape."""
    q, b, c = beside(arrays, "b", "c")
    clipped = np.minimum(np.abs(q), -b)
    distance = np.asarray(clipped + b, np.int64)
    polynomial = _kept(distance * distance) + c
    erf = np.where(q < 0, -polynomial, polynomial)
    return {"clipped": clipped, "erf": erf, "output": _kept(np.asarray(q * (erf + c), np.int64))}


def _kept(value: NDArray[np.int64]) -> NDArray[np.int64]:
    """What a two's complement register of 26 bits keeps: the low bits, the highest of them worth -2**25."""
    low = value & (REGISTER - 1)
    return np.where(low >= REGISTER >> 1, low - REGISTER, low)
