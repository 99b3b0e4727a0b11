"""The two statistics registers that every norm unit has, as spec/units/norm/unit.py states them."""

from __future__ import annotations

import torch
from torch import Tensor

from bittrue.golden.fixed import saturating_sum, wrap
from bittrue.spec.units.norm import NormUnit


def register_sum(unit: NormUnit, terms: Tensor, bits: int) -> Tensor:
    """The sum of int64 terms [rows, n] along n as a register of `bits` bits holds it, [rows, 1].

    The exact sum must lie within 63 bits. A wrap may wait for the end.
    """
    if unit.statistics_overflow == "saturate":
        return saturating_sum(torch.zeros(terms.shape[0], dtype=torch.int64), terms.unbind(-1), bits).unsqueeze(-1)
    total = terms.sum(dim=-1, keepdim=True)
    return wrap(total, bits) if unit.statistics_overflow == "wrap" else total
