"""relu and relu6 in front of the requantizer, as spec/units/activation/relu.py states them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.units.of_one_shape import in_shape_of
from bittrue.spec.units.activation import Relu


def run(unit: Relu, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays as the ports say, int64 -> "output", integers of the input's scale in the shape of "codes"."""
    x = arrays["codes"] - arrays["input_zero_point"]
    positive = torch.where(x > 0, x, 0)
    return in_shape_of(arrays["codes"], {"output": torch.where(positive > arrays["upper"], arrays["upper"], positive)})
