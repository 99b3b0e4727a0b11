"""The judge of I-ViT's softmax (Shiftmax); formula in spec/units/softmax/ivit.py."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.spec.units.softmax import IvitSoftmax


def run(unit: IvitSoftmax, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Logits [rows, n], octave of a row -> stages and output, int64; stages of a row have shape [rows, 1]."""
    logits, octave = arrays["logits"], arrays["octave"]
    maximum = logits.amax(dim=-1, keepdim=True)
    x = logits - maximum
    times_log2e = torch.maximum(x + (x >> 1) - (x >> 4), -unit.halvings * octave)
    octaves = torch.div(-times_log2e, octave, rounding_mode="floor")
    rest = times_log2e + octaves * octave
    exponential = ((2 * octave + rest) << (unit.halvings - octaves)) >> 1
    largest = (1 << unit.sum_bits) - 1
    total = saturating_total(exponential, largest)
    reciprocal = torch.div(torch.full_like(total, largest), total, rounding_mode="floor")
    return {
        "maximum": maximum,
        "times_log2e": times_log2e,
        "octaves": octaves,
        "exponential": exponential,
        "sum": total,
        "reciprocal": reciprocal,
        "output": (exponential * reciprocal) >> (unit.sum_bits + 1 - unit.output_bits),
    }


def saturating_total(terms: Tensor, largest: int) -> Tensor:
    """min(sum of terms, largest) along the last axis, [rows, 1], for terms of 0 .. 2**62 - 1.

    Rows may add up to more than 63 bits, so halves of 31 bits are added apart.
    """
    low = (terms % (1 << 31)).sum(dim=-1, keepdim=True)
    upper = (terms >> 31).sum(dim=-1, keepdim=True) + (low >> 31)
    fits = upper <= largest >> 31
    exact = (torch.where(fits, upper, 0) << 31) + low % (1 << 31)
    return torch.where(fits, exact, largest).clamp(max=largest)
