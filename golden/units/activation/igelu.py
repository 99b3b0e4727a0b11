"""I-BERT's i-GELU, as spec/units/activation/igelu.py states it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.units.of_one_shape import in_shape_of
from bittrue.spec.units.activation import IGelu


def run(unit: IGelu, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays as the ports say, int64 -> "clipped", "erf" and "output" in the shape of "codes"."""
    x = arrays["codes"] - arrays["input_zero_point"]
    clipped = torch.minimum(x.abs(), -arrays["b"])
    polynomial = (clipped + arrays["b"]) ** 2 + arrays["c"]
    erf = (torch.sign(x) * polynomial) >> unit.erf_shift  # the shift floors
    return in_shape_of(arrays["codes"], {"clipped": clipped, "erf": erf, "output": -(x * (erf + arrays["one"]))})
