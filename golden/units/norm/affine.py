"""Gamma, beta and the output's scale, as spec/units/norm/affine.py states them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.fixed import round_shift
from bittrue.spec.units.norm import NormUnit


def run(unit: NormUnit, normalized: Tensor, arrays: Mapping[str, Tensor]) -> Tensor:
    """Output codes [rows, n] of normalized values [rows, n]; the ports of affine.py broadcast against them."""
    value = normalized
    if unit.has_affine:
        value = round_shift(normalized * arrays["multiplier"] + arrays["bias"], arrays["shift"], unit.rounding)
    return torch.minimum(torch.maximum(value + arrays["zero_point"], arrays["low"]), arrays["high"])
