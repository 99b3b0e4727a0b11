"""The fast activation units, one file a kind. `KINDS` names them as spec/units/activation does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.units.activation import (
    clamp,
    hardswish,
    igelu,
    interpolated,
    ita_gelu,
    piecewise,
    relu,
    shift_silu,
    sigmoid_product,
    tflite_hardswish,
    tflite_logistic,
)
from bittrue.spec.units.section import Arrays

KINDS: dict[str, Callable[[Any, Arrays], dict[str, NDArray[np.int64]]]] = {
    "clamp": clamp.run,
    "hardswish": hardswish.run,
    "igelu": igelu.run,
    "interpolated": interpolated.run,
    "ita_gelu": ita_gelu.run,
    "piecewise": piecewise.run,
    "relu": relu.run,
    "shift_silu": shift_silu.run,
    "sigmoid_product": sigmoid_product.run,
    "tflite_hardswish": tflite_hardswish.run,
    "tflite_logistic": tflite_logistic.run,
}
"""(the unit's section, its arrays by port name) -> every stage in order, then "output"."""
