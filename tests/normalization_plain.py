"""The normalization of spec/normalization.py on Python integers, for the tests of layer_norm and group_norm."""

from __future__ import annotations

import math
from typing import Any

from op_agreement import element

from bittrue.spec.arithmetic import clamp, round_shift
from bittrue.spec.op import Call

STATISTICS = ("sum", "sum_of_squares", "variance", "root", "reciprocal")


def normalized_row(call: Call, row: list[int], root_shift: int, reciprocal_bits: int) -> dict[str, Any]:
    """All stages of one row of codes; "normalized" is a list."""
    n, fraction_bits = len(row), call.datapath.norm.fraction_bits
    total, squares = sum(row), sum(q * q for q in row)
    variance = n * squares - total * total + int(call.constants["epsilon"][0])
    root = math.isqrt(variance << 2 * root_shift)
    reciprocal = (1 << reciprocal_bits) // root
    products = [(n * q - total) * reciprocal for q in row]
    assert max(map(abs, products)) < 1 << 62
    assert variance << 2 * root_shift < 1 << call.datapath.norm.variance_bits
    normalized = [round_shift(value, reciprocal_bits - root_shift - fraction_bits, call.rounding) for value in products]
    return dict(zip((*STATISTICS, "normalized"), (total, squares, variance, root, reciprocal, normalized), strict=True))


def scaled(call: Call, normalized: int, channel: int) -> int:
    """The output code of one normalized value."""
    gamma, beta, shift = (element(call.constants[role], channel) for role in ("multiplier", "bias", "shift"))
    value = round_shift(normalized * gamma + beta, shift, call.rounding) + element(call.output.zero_point, channel)
    return clamp(value, *call.output.code_range)
