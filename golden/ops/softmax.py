"""The judge of softmax: a table of exponentials, one floor reciprocal a row; formula in spec/ops/softmax.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.fixed import floor_reciprocal, round_shift
from bittrue.golden.requantizer import Stages, constant
from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[..., N] codes -> [..., N] probability codes, int64. Stages of a row have shape [..., 1]."""
    unit, logits = call.datapath.softmax, operands[0]
    maximum = logits.amax(dim=-1, keepdim=True)
    exponential = constant(call, "table")[maximum - logits]
    total = exponential.sum(dim=-1, keepdim=True)
    reciprocal = floor_reciprocal(unit.reciprocal_bits, total)
    if stages is not None:
        stages.update(maximum=maximum, exponential=exponential, sum=total, reciprocal=reciprocal)
    rounded = round_shift(exponential * reciprocal, unit.reciprocal_bits - unit.probability_bits, call.rounding)
    return rounded.clamp(max=(1 << unit.probability_bits) - 1)
