"""The judge of concat: every part brought to the output's scale; formula in spec/ops/concat.py."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bittrue.golden.requantizer import Stages, centred, constant, scaled, to_codes
from bittrue.spec.op import Call
from bittrue.spec.ops.concat import Concat


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """Codes that are equal in shape but for the op's axis -> their concatenation, int64 codes."""
    op = call.op
    assert isinstance(op, Concat)
    multiplier, shift = constant(call, "multiplier"), constant(call, "shift")
    parts = [
        scaled(call, centred(call, operands, index), multiplier[index], shift[index]) for index in range(len(operands))
    ]
    return to_codes(call.output, torch.cat(parts, dim=op.axis))
