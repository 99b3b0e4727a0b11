"""The judge of gemmlowp's softmax; formula in spec/units/softmax/gemmlowp.py."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.bit_length import bit_length
from bittrue.golden.fixed import round_shift, saturate
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.softmax import GemmlowpSoftmax

ONE = (1 << 31) - 1
"""The largest Q0.31, which stands for 1."""
QUARTER = 1 << 24
"""1/4 as Q5.26."""
EXP_OF_MINUS_EIGHTH = 1895147668
THIRD = 715827883
HALVED_DENOMINATOR_GUESS = (1515870810, -1010580540)
"""48/17 and -32/17 as Q2.29."""
BARRELS = {
    24: 1672461947,
    25: 1302514674,
    26: 790015084,
    27: 290630308,
    28: 39332535,
    29: 720401,
    30: 242,
}
"""exp(-2**(k - 26)) as Q0.31 for bit k of a Q5.26."""


def run(unit: GemmlowpSoftmax, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Logits [rows, n], parameters of a row -> stages and output, int64; stages of a row have shape [rows, 1]."""
    logits = arrays["logits"]
    maximum = logits.amax(dim=-1, keepdim=True)
    difference = logits - maximum
    alive = difference >= arrays["difference_min"]
    # Behind the shift a dead difference might leave 63 bits; it is never read.
    scaled = high(torch.where(alive, difference, 0) << arrays["shift"], arrays["multiplier"])
    exponential = torch.where(alive, exponential_of(scaled), 0)
    total = half_away(exponential, 12).sum(dim=-1, keepdim=True)
    reciprocal = reciprocal_of(total)
    product = high(reciprocal, exponential)
    shift = 31 - unit.output_bits + bit_length(total) - 20
    return {
        "maximum": maximum,
        "scaled": scaled,
        "exponential": exponential,
        "sum": total,
        "reciprocal": reciprocal,
        "product": product,
        "output": saturate(half_away(product, shift) - (1 << (unit.output_bits - 1)), unit.output_bits),
    }


def exponential_of(value: Tensor) -> Tensor:
    """exp of a Q5.26 of -31 .. 0, as Q0.31."""
    low = (value % QUARTER) - QUARTER
    t = (low << 5) + (1 << 28)
    squared = high(t, t)
    cubed, fourth = high(squared, t), high(squared, squared)
    tail = half_away(high(half_away(fourth, 2) + cubed, torch.tensor(THIRD)) + squared, 1)
    result = EXP_OF_MINUS_EIGHTH + high(torch.tensor(EXP_OF_MINUS_EIGHTH), t + tail)
    for bit, factor in BARRELS.items():
        is_set = ((low - value) >> bit) % 2 == 1
        result = torch.where(is_set, high(result, torch.tensor(factor)), result)
    return torch.where(value == 0, ONE, result)


def reciprocal_of(total: Tensor) -> Tensor:
    """1 / total, with total halved or doubled to lie in 1 .. 2, as Q0.31."""
    half_denominator = (total << (32 - bit_length(total))) >> 1
    start, slope = HALVED_DENOMINATOR_GUESS
    estimate = start + high(half_denominator, torch.tensor(slope))
    for _ in range(3):
        error = (1 << 29) - high(half_denominator, estimate)
        estimate = estimate + (high(estimate, error) << 2)
    return (estimate << 1).clamp(max=ONE)


def high(a: Tensor, b: Tensor) -> Tensor:
    """The high half of the doubled product of two int32: a * b / 2**31 to nearest, ties up."""
    return round_shift(a * b, 31, Rounding.HALF_UP)


def half_away(value: Tensor, shift: Tensor | int) -> Tensor:
    """gemmlowp's RoundingDivideByPOT."""
    return round_shift(value, shift, Rounding.HALF_AWAY)
