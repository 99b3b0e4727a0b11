"""The judge of I-BERT's softmax; formula in spec/units/softmax/ibert.py."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.fixed import floor_reciprocal, round_shift
from bittrue.golden.units.softmax.split import octaves_and_polynomial
from bittrue.spec.units.softmax import IbertSoftmax


def run(unit: IbertSoftmax, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Logits [rows, n], parameters of a row -> stages and output, int64; stages of a row have shape [rows, 1]."""
    found = octaves_and_polynomial(unit, arrays)
    shift = arrays["shift"] + found["octaves"]
    rounded = round_shift(found["polynomial"] * arrays["multiplier"], shift.clamp(max=62), unit.rounding)
    exponential = torch.where(shift > 62, 0, rounded).clamp(max=(1 << (unit.exponential_bits - 1)) - 1)
    total = exponential.sum(dim=-1, keepdim=True)
    reciprocal = floor_reciprocal(unit.reciprocal_bits, total)
    output = (exponential * reciprocal) >> (unit.reciprocal_bits - unit.output_bits)
    return {
        **found,
        "exponential": exponential,
        "sum": total,
        "reciprocal": reciprocal,
        "output": output.clamp(max=(1 << unit.output_bits) - 1),
    }
