"""The judge of layer_norm: rows are the last axis; formulas in spec/normalization.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.normalization import normalize_rows, scale_and_offset
from bittrue.golden.requantizer import Stages
from bittrue.spec.op import Call
from bittrue.spec.ops.layer_norm import LayerNorm


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[..., C] codes -> [..., C] codes, int64. Statistics have shape [..., 1], "normalized" [..., C]."""
    op, rows = call.op, operands[0]
    assert isinstance(op, LayerNorm)
    found = normalize_rows(call, rows, root_shift=op.root_shift, reciprocal_bits=op.reciprocal_bits)
    if stages is not None:
        stages.update(found)
    return scale_and_offset(call, found["normalized"], rows.ndim - 1)
