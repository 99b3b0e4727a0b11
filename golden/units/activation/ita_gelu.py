"""ITA's i-GELU, as spec/units/activation/ita_gelu.py states it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.fixed import wrap
from bittrue.golden.units.of_one_shape import in_shape_of
from bittrue.spec.units.activation import ItaGelu

REGISTER_BITS = 26


def run(unit: ItaGelu, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays as the ports say, int64 -> "clipped", "erf" and "output" in the shape of "codes"."""
    q, b, c = arrays["codes"], arrays["b"], arrays["c"]
    clipped = torch.minimum(q.abs(), -b)
    magnitude = wrap((clipped + b) ** 2, REGISTER_BITS) + c
    erf = torch.where(q < 0, -magnitude, magnitude)
    return in_shape_of(arrays["codes"], {"clipped": clipped, "erf": erf, "output": wrap(q * (erf + c), REGISTER_BITS)})
