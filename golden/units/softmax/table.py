"""The judge of softmax by a table of exponentials; formula in spec/units/softmax/table.py."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from bittrue.golden.fixed import floor_reciprocal, round_shift
from bittrue.spec.units.softmax import TableSoftmax


def run(unit: TableSoftmax, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Logits [rows, n], table [codes] -> stages and output, int64; stages of a row have shape [rows, 1]."""
    logits = arrays["logits"]
    maximum = logits.amax(dim=-1, keepdim=True)
    exponential = arrays["table"][maximum - logits]
    total = exponential.sum(dim=-1, keepdim=True)
    reciprocal = floor_reciprocal(unit.reciprocal_bits, total)
    rounded = round_shift(exponential * reciprocal, unit.reciprocal_bits - unit.probability_bits, unit.rounding)
    return {
        "maximum": maximum,
        "exponential": exponential,
        "sum": total,
        "reciprocal": reciprocal,
        "output": rounded.clamp(max=(1 << unit.probability_bits) - 1),
    }
