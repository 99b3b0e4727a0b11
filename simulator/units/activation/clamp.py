"""relu and relu6 on codes, fast; see spec/units/activation/clamp.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.units.activation.elements import beside
from bittrue.spec.units.activation import Clamp
from bittrue.spec.units.section import Arrays


def run(unit: Clamp, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes of any shape -> "output" of that shape."""
    codes, lower, upper = beside(arrays, "lower", "upper")
    return {"output": np.asarray(np.minimum(np.maximum(codes, lower), upper))}
