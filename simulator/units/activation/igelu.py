"""gelu by I-BERT's polynomial, fast; see spec/units/activation/igelu.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.units.activation.elements import beside
from bittrue.spec.units.activation import IGelu
from bittrue.spec.units.section import Arrays


def run(unit: IGelu, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes of any shape -> "clipped", "erf" and "output" of that shape."""
    codes, zero_point, b, c, one = beside(arrays, "input_zero_point", "b", "c", "one")
    x = codes - zero_point
    clipped = np.minimum(np.abs(x), -b)
    erf = np.sign(x) * ((clipped + b) * (clipped + b) + c) >> unit.erf_shift
    return {"clipped": clipped, "erf": np.asarray(erf), "output": np.asarray(-x * (erf + one))}
