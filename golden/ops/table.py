"""The judge of table: one entry per input code, one table or one a channel; formula in spec/ops/table.py."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bittrue.golden.requantizer import Stages, along, constant
from bittrue.spec.op import Call
from bittrue.spec.ops.table import Table


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """Codes of any shape -> codes of that shape, int64."""
    op, codes = call.op, operands[0]
    assert isinstance(op, Table)
    table = constant(call, "table")  # [tables, codes]
    channel = along(torch.arange(table.shape[0]), op.axis, codes.ndim)
    return table[channel, codes - call.inputs[0].code_range[0]]
