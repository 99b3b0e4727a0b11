"""The judge of FQ-ViT's integer layer norm; formula in spec/units/norm/fq_vit.py."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.bit_length import bit_length
from bittrue.golden.fixed import clamp, integer_root, shifted
from bittrue.golden.units.norm.statistics import register_sum
from bittrue.spec.units.norm import FqVitNorm


def run(unit: FqVitNorm, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Codes [rows, n], constants of one element or a channel -> stages, int64.

    "exponent", "mantissa", "offset" and "normalized" have shape [rows, n], the others [rows, 1].
    """
    codes, gamma, gamma_shift, root_shift = (arrays[name] for name in ("codes", "gamma", "gamma_shift", "root_shift"))
    x = (codes - arrays["code_zero_point"]) << arrays["factor"]
    n = codes.shape[-1]
    total = register_sum(unit, x, unit.sum_bits)
    squares = register_sum(unit, x * x, unit.sum_of_squares_bits)
    variance = (n * squares - total * total).clamp(min=0)
    root = integer_root(variance << (2 * root_shift))
    gamma = gamma.expand(codes.shape)
    absent = (gamma == 0) | (root == 0)  # V = 0 or G = 0
    divisor = root.clamp(min=1)
    # A = dividend / divisor * 2^scale; both are at least 1 where A is not 0.
    dividend, scale = (n * gamma.abs()).clamp(min=1), root_shift - gamma_shift
    exponent = clamp(unit.mantissa_bits - 1 - (floor_log2(dividend, divisor) + scale), 0, unit.exponent_max)
    exponent = torch.where(absent, unit.exponent_max, exponent)
    magnitude = scaled_quotient(dividend, divisor, scale + exponent, (1 << unit.mantissa_bits) - 1)
    mantissa = torch.where(absent, 0, magnitude) * gamma.sign()
    mean_part = torch.div((total * gamma) << root_shift, divisor, rounding_mode="floor")
    offset = moved(unit, arrays["beta"] - torch.where(absent, 0, mean_part), gamma_shift - exponent)
    return {
        "sum": total,
        "sum_of_squares": squares,
        "variance": variance,
        "root": root,
        "exponent": exponent,
        "mantissa": mantissa,
        "offset": offset,
        "normalized": shifted(mantissa * x + offset, exponent, unit.rounding),
    }


def floor_log2(dividend: Tensor, divisor: Tensor) -> Tensor:
    """floor(log2(dividend / divisor)) exactly, for integers of 1 .. 2**62 - 1."""
    guess = bit_length(dividend) - bit_length(divisor)  # right, or one too much
    too_much = (dividend << (-guess).clamp(min=0)) < (divisor << guess.clamp(min=0))
    return guess - too_much.to(torch.int64)


def scaled_quotient(dividend: Tensor, divisor: Tensor, scale: Tensor, largest: int) -> Tensor:
    """min(floor(dividend / divisor * 2**scale), largest), exactly, for a scale of any sign; largest < 2**16.

    By long division, one binary digit behind the point a step: the shifted dividend might not fit 63 bits.
    """
    quotient = torch.div(dividend, divisor, rounding_mode="floor")
    rest = dividend - quotient * divisor
    floor = quotient >> (-scale).clamp(0, 62)
    quotient = quotient.clamp(max=largest + 1)  # what is past the end stays there
    for digit in range(max(int(scale.max()), 0)):
        next_digit = (2 * rest >= divisor).to(torch.int64)
        goes_on = digit < scale
        quotient = torch.where(goes_on, (2 * quotient + next_digit).clamp(max=largest + 1), quotient)
        rest = torch.where(goes_on, 2 * rest - next_digit * divisor, rest)
    return torch.where(scale < 0, floor, quotient).clamp(max=largest)


def moved(unit: FqVitNorm, value: Tensor, right: Tensor) -> Tensor:
    """value / 2**right rounded by the unit, or shifted left exactly for a negative `right`."""
    return torch.where(right > 0, shifted(value, right.clamp(min=0), unit.rounding), value << (-right).clamp(min=0))
