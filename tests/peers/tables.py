"""Tables of output codes for every int8 input code: bittrue's for functions, ONNX Runtime's for concat."""

from __future__ import annotations

import numpy as np
from peers.constants import INT8, single
from peers.layers import Array, Codes, Pointwise

from bittrue.calibration.lowering.tables import FUNCTIONS, function_table


def pointwise_table(layer: Pointwise) -> Array:
    """What bittrue's lowering makes of the layer: correctly rounded, ties upward."""
    x, y = layer.x, layer.y
    return function_table(FUNCTIONS[layer.function], INT8, x.scale, x.zero_point, y.scale, y.zero_point, INT8)


def concat_table(x: Codes, y: Codes) -> Array:
    """ONNX Runtime's QLinearConcat: codes of every input code -128..127, in float32."""
    real = single(x.scale) * (np.arange(-128, 128) - x.zero_point).astype(single) / single(y.scale)
    return np.clip(np.rint(real).astype(np.int64) + y.zero_point, *INT8)
