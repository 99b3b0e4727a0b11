"""The judge of group_norm: rows are groups of channels; formulas in spec/ops/group_norm.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.requantizer import Stages
from bittrue.golden.row_norm import judge
from bittrue.spec.op import Call
from bittrue.spec.ops.group_norm import GroupNorm


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[1, C, ...] codes -> codes, int64. Stages of a row have shape [1, groups], the others the input's."""
    op, codes = call.op, operands[0]
    assert isinstance(op, GroupNorm)
    rows = codes.reshape(op.groups, -1)

    def by_element(values: Tensor) -> Tensor:
        return values.reshape(-1, 1).expand(-1, codes.numel() // values.numel()).reshape(rows.shape)

    return judge(call, rows, by_element, stages)
