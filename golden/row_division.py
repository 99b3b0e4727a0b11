"""The judge of a division by row sums; formulas in spec/units/softmax/unnormalised.py."""

from __future__ import annotations

from torch import Tensor

from bittrue.golden.fixed import floor_reciprocal, round_shift
from bittrue.golden.requantizer import Stages, requantize
from bittrue.spec.op import Call
from bittrue.spec.row_division import division_unit


def requantize_divided(
    call: Call, accumulator: Tensor, exponentials: Tensor, channel_axis: int, stages: Stages | None
) -> Tensor:
    """The output codes of a step whose accumulators [output's shape] are divided by sums of rows of exponentials."""
    unit = division_unit(call)
    row_sum = exponentials.sum(dim=-1, keepdim=True)
    reciprocal = floor_reciprocal(unit.reciprocal_bits, row_sum.clamp(min=1))
    quotient = round_shift(accumulator * reciprocal, unit.reciprocal_bits - unit.fraction_bits, unit.rounding)
    found: Stages = {}
    codes = requantize(call, quotient, channel_axis, found)
    if stages is not None:
        stages.update(accumulator=accumulator, row_sum=row_sum, reciprocal=reciprocal, quotient=quotient)
        stages["rounded"] = found["rounded"]
    return codes
