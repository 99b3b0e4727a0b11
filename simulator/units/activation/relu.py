"""relu and relu6 in front of the requantizer, fast; see spec/units/activation/relu.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.units.activation.elements import beside
from bittrue.spec.units.activation import Relu
from bittrue.spec.units.section import Arrays


def run(unit: Relu, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes of any shape -> "output" of that shape."""
    codes, zero_point, upper = beside(arrays, "input_zero_point", "upper")
    return {"output": np.asarray(np.minimum(np.maximum(codes - zero_point, 0), upper))}
