"""The integer normalization unit of `layer_norm` and `group_norm`: one row in, one row out.

Exact identity (no mean division):  (x_i - mu) / sigma = (n x_i - S1) / sqrt(n S2 - S1^2)
with S1 = sum x, S2 = sum x^2 (docs/arithmetic.md). The zero point cancels in both,
so raw codes q are used. For a row of n codes, constants e (epsilon), m_c, b_c, s and attributes
k = root_shift, p = reciprocal_bits, f = datapath.norm.fraction_bits:

    sum             S1 = sum q
    sum_of_squares  S2 = sum q*q
    variance        V  = n*S2 - S1*S1 + e                    e = round(n^2 * eps / scale^2), at least 1
    root            R  = floor(sqrt(V << 2k))
    reciprocal      r  = floor(2^p / R)
    normalized      u  = round_shift((n*q - S1) * r, p - k - f)          f fraction bits
    output          y  = clamp(round_shift(u*m_c + b_c, s) + zero_point)

c is the channel of the element. Widths: |n*q - S1| <= sqrt((n-1) * V), hence
|(n*q - S1) * r| <= sqrt(n-1) * 2^(p-k) * (1 + 2^-k), and |u| <= sqrt(n-1) * (1 + 2^-k) * 2^f + 1.
`root_shift_and_reciprocal_bits` picks the largest k, and a p for which everything fits 63 bits.
"""

from __future__ import annotations

import math

from bittrue.spec.bounds import check_int64, check_width
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call
from bittrue.spec.requantizer import check_lengths, check_output_axis, check_shifts
from bittrue.spec.tensors import TensorSpec

ROLES = ("epsilon", "multiplier", "bias", "shift")
STAGES = ("sum", "sum_of_squares", "variance", "root", "reciprocal", "normalized")


def variance_max(spec: TensorSpec, n: int, epsilon: int) -> int:
    """The largest V of a row of n codes: half of them at either end of the code range."""
    low, high = spec.code_range
    return (n * n * (high - low) ** 2 + 3) // 4 + epsilon


def root_shift_and_reciprocal_bits(spec: TensorSpec, n: int, epsilon: int, variance_bits: int) -> tuple[int, int]:
    """The k and p of the module docstring for rows of n codes of `spec`.

    k: V << 2k stays below 2**variance_bits. p: (n*q - S1) * r stays below 2**62, and p <= 62.
    """
    bits = variance_max(spec, n, epsilon).bit_length()
    root_shift = (variance_bits - bits) // 2
    if root_shift < 0:
        raise IllFormed(
            "the variance of a row does not fit the norm unit",
            got=f"{bits} bits",
            expected=f"at most {variance_bits} bits",
            next_step="normalize narrower codes or shorter rows",
        )
    growth = math.isqrt(n - 1).bit_length() + 1  # sqrt(n-1) < 2**(growth-1); one more for (1 + 2^-k)
    return root_shift, min(62, 62 + root_shift - growth)


def check_normalization(call: Call, *, n: int, channels: int, root_shift: int, reciprocal_bits: int) -> None:
    """Refuse constants, attributes or widths that the unit cannot hold."""
    norm, spec = call.datapath.norm, call.inputs[0]
    epsilon = call.constants["epsilon"]
    if epsilon.shape != (1,) or int(epsilon[0]) < 1:
        raise IllFormed(
            "epsilon must be one integer >= 1, or a constant row divides by zero",
            where=call.step,
            got=epsilon.tolist(),
            expected="[>= 1]",
        )
    check_output_axis(call)
    check_lengths(call, channels, "multiplier", "bias", "shift")
    check_shifts(call, call.constants["shift"])
    low, high = spec.code_range
    check_width(call, "sum of a row", (n * low, n * high), norm.sum_bits)
    check_width(call, "sum of squares of a row", (0, n * max(low * low, high * high)), norm.sum_of_squares_bits)
    check_int64(call, "n * sum of squares", n * n * max(low * low, high * high) + int(epsilon[0]))
    expected = root_shift_and_reciprocal_bits(spec, n, int(epsilon[0]), norm.variance_bits)
    if (root_shift, reciprocal_bits) != expected:
        raise IllFormed(
            "root_shift and reciprocal_bits are not the norm unit's for this row",
            where=call.step,
            got=(root_shift, reciprocal_bits),
            expected=expected,
            next_step="lower the plan again",
        )
    if reciprocal_bits - root_shift - norm.fraction_bits < 1:
        raise IllFormed(
            "the row is too long for the norm unit's fraction bits",
            where=call.step,
            got=f"p - k - f = {reciprocal_bits - root_shift - norm.fraction_bits}",
            expected=">= 1",
        )
    multiplier, bias = call.constants["multiplier"], call.constants["bias"]
    largest = max(-int(multiplier.min()), int(multiplier.max()))
    if largest >= 1 << norm.multiplier_bits:
        raise IllFormed(
            "a gamma multiplier does not fit the norm unit",
            where=call.step,
            got=largest,
            expected=f"below 2**{norm.multiplier_bits}",
        )
    normalized = (2 * (math.isqrt(n - 1) + 1) << norm.fraction_bits) + 1
    half = 1 << (int(call.constants["shift"].max()) - 1)
    check_int64(call, "scaled normalized value", normalized * largest + max(-int(bias.min()), int(bias.max())) + half)
