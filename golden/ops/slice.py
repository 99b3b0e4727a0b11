"""The judge of slice: indices start..stop-1 of one axis."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.requantizer import Stages
from bittrue.spec.op import Call
from bittrue.spec.ops.slice import Slice


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """Codes of any shape -> the chosen part of them, int64."""
    op = call.op
    assert isinstance(op, Slice)
    return operands[0].narrow(op.axis, op.start, op.stop - op.start)
