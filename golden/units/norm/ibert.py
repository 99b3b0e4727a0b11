"""The judge of I-BERT's LayerNorm; formula in spec/units/norm/ibert.py."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.fixed import integer_root
from bittrue.golden.units.norm.centred import row_statistics
from bittrue.spec.units.norm import IbertNorm


def run(unit: IbertNorm, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Codes [rows, n] -> stages, int64; all but "normalized" have shape [rows, 1]."""
    variance_shift = arrays["variance_shift"]
    centred, found = row_statistics(unit, arrays["codes"], variance_shift)
    root = integer_root(found["sum_of_squares"].clamp(min=0)).clamp(min=1)
    one = torch.full_like(root, 1 << (unit.fraction_bits + 1))
    reciprocal = torch.div(one, root << variance_shift, rounding_mode="floor")
    return {**found, "root": root, "reciprocal": reciprocal, "normalized": (centred * reciprocal) >> 1}
