"""The judge of I-ViT's I-LayerNorm; formula in spec/units/norm/ivit.py."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.units.norm.centred import row_statistics
from bittrue.spec.units.norm import IvitNorm


def run(unit: IvitNorm, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Codes [rows, n] -> stages, int64; all but "normalized" have shape [rows, 1]."""
    centred, found = row_statistics(unit, arrays["codes"], 0)
    squares = found["sum_of_squares"].clamp(min=0)
    root = torch.full_like(squares, 1 << unit.start_bits)
    for _ in range(unit.steps):
        root = ((root + torch.div(squares, root, rounding_mode="floor")) >> 1).clamp(min=1)
    one = torch.full_like(root, (1 << (unit.fraction_bits + 1)) - 1)
    reciprocal = torch.div(one, root, rounding_mode="floor")
    return {**found, "root": root, "reciprocal": reciprocal, "normalized": (centred * reciprocal) >> 1}
