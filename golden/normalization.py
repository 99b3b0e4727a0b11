"""The integer normalization of `layer_norm` and `group_norm`, as spec/normalization.py states it."""

from __future__ import annotations

from torch import Tensor

from bittrue.golden.fixed import floor_reciprocal, integer_root, round_shift
from bittrue.golden.requantizer import Stages, along, constant, to_codes
from bittrue.spec.op import Call


def normalize_rows(call: Call, rows: Tensor, *, root_shift: int, reciprocal_bits: int) -> Stages:
    """All stages of the normalization of rows of raw codes.

    rows: int64 [..., n]. Returns int64 "sum", "sum_of_squares", "variance", "root" and "reciprocal"
    of shape [..., 1], and "normalized" [..., n] with the datapath's fraction bits.
    """
    n = rows.shape[-1]
    total = rows.sum(dim=-1, keepdim=True)
    squares = (rows * rows).sum(dim=-1, keepdim=True)
    variance = n * squares - total * total + constant(call, "epsilon")
    root = integer_root(variance << (2 * root_shift))
    reciprocal = floor_reciprocal(reciprocal_bits, root)
    shift = reciprocal_bits - root_shift - call.datapath.norm.fraction_bits
    normalized = round_shift((n * rows - total) * reciprocal, shift, call.rounding)
    return {
        "sum": total,
        "sum_of_squares": squares,
        "variance": variance,
        "root": root,
        "reciprocal": reciprocal,
        "normalized": normalized,
    }


def scale_and_offset(call: Call, normalized: Tensor, channel_axis: int) -> Tensor:
    """`clamp(round_shift(u * m_c + b_c, s) + zero_point)`: int64 codes, the output's shape.

    normalized: int64, the output's shape; gamma, beta and shift are one, or one per index of channel_axis.
    """
    gamma = along(constant(call, "multiplier"), channel_axis, normalized.ndim)
    beta = along(constant(call, "bias"), channel_axis, normalized.ndim)
    shift = along(constant(call, "shift"), channel_axis, normalized.ndim)
    return to_codes(call.output, round_shift(normalized * gamma + beta, shift, call.rounding))
