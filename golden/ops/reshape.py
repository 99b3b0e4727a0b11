"""The judge of reshape: the same codes, row-major, under another shape."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.requantizer import Stages
from bittrue.spec.op import Call
from bittrue.spec.ops.reshape import Reshape


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """Codes of any shape -> the same codes of the op's shape, int64."""
    op = call.op
    assert isinstance(op, Reshape)
    return operands[0].reshape(op.shape)
