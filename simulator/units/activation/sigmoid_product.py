"""silu as x times a tabulated sigmoid, fast; see spec/units/activation/sigmoid_product.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.units.activation.elements import beside, one, whole
from bittrue.spec.units.activation import SigmoidProduct
from bittrue.spec.units.section import Arrays


def run(unit: SigmoidProduct, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes of any shape and one table -> "sigmoid" and "output" of that shape."""
    codes, zero_point = beside(arrays, "input_zero_point")
    (table,) = whole(arrays, "table")
    sigmoid = np.asarray(table[codes - one(arrays, "input_low")])
    return {"sigmoid": sigmoid, "output": np.asarray((codes - zero_point) * sigmoid)}
