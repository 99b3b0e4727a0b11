"""Two float32 ratios; see spec/units/add/float32.py."""

from __future__ import annotations

import numpy as np

from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.float32 import float32_bits
from bittrue.calibration.lowering.ieee import single
from bittrue.calibration.lowering.mac import one_scale
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.add import Float32Add


def constants(unit: Float32Add, a: TensorSpec, b: TensorSpec, output: TensorSpec) -> Constants:
    """`ratio_a` and `ratio_b`: the bits of float32 quotients of float32 scales, int32."""
    scale_a, scale_b, scale_y = (single(one_scale(spec)) for spec in (a, b, output))
    return {
        "ratio_a": np.array([float32_bits(scale_a / scale_y)], np.int32),
        "ratio_b": np.array([float32_bits(scale_b / scale_y)], np.int32),
    }
