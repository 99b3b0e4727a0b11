"""The judge of concat: every part brought to the output's scale; formulas in spec/ops/concat.py and
spec/units/concat.py."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bittrue.golden.requantizer import Stages, centred, constant, requantize_part
from bittrue.spec.op import Call
from bittrue.spec.ops.concat import Concat


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """Codes that are equal in shape but for the op's axis -> their concatenation, int64 codes."""
    op = call.op
    assert isinstance(op, Concat)
    return torch.cat([_part(call, operands, index) for index in range(len(operands))], dim=op.axis)


def _part(call: Call, operands: Sequence[Tensor], index: int) -> Tensor:
    """One input as codes of the output, by the step's attribute or the datapath's kind of concat."""
    op, kind = call.op, call.datapath.concat.kind
    assert isinstance(op, Concat)
    if op.copies or kind == "copy":
        return operands[index]
    if kind == "table":
        lowest, _ = call.inputs[index].code_range
        return constant(call, "table")[index][operands[index] - lowest]
    assert kind == "requantize", kind
    return requantize_part(call, centred(call, operands, index), index)
