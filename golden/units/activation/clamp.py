"""relu and relu6 on the codes themselves, as spec/units/activation/clamp.py states them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.units.of_one_shape import in_shape_of
from bittrue.spec.units.activation import Clamp


def run(unit: Clamp, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays as the ports say, int64 -> "output", codes in the shape of "codes"."""
    not_below = torch.maximum(arrays["codes"], arrays["lower"])
    return in_shape_of(arrays["codes"], {"output": torch.minimum(not_below, arrays["upper"])})
