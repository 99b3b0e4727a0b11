"""The judge of group_norm: rows are groups of channels; formulas in spec/normalization.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.normalization import normalize_rows, scale_and_offset
from bittrue.golden.requantizer import Stages
from bittrue.spec.op import Call
from bittrue.spec.ops.group_norm import GroupNorm


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[1, C, ...] codes -> codes, int64. Statistics have shape [1, groups], "normalized" the input's."""
    op, codes = call.op, operands[0]
    assert isinstance(op, GroupNorm)
    rows = codes.reshape(1, op.groups, -1)
    found = normalize_rows(call, rows, root_shift=op.root_shift, reciprocal_bits=op.reciprocal_bits)
    normalized = found.pop("normalized").reshape(codes.shape)
    if stages is not None:
        stages.update({name: value.squeeze(-1) for name, value in found.items()}, normalized=normalized)
    return scale_and_offset(call, normalized, 1)
