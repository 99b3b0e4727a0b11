"""The judge of ITA's softmax; formula in spec/units/softmax/ita.py."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.spec.units.softmax import ItaSoftmax


def run(unit: ItaSoftmax, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Logits [rows, n] -> stages and output, int64; stages have shape [rows, 1]."""
    logits = arrays["logits"]
    one = torch.tensor(1 << unit.exponential_bits)
    maximum, total = group_statistics(unit, logits[:, : unit.group_width], one)
    for begin in range(unit.group_width, logits.shape[1], unit.group_width):
        group = logits[:, begin : begin + unit.group_width]
        before = maximum
        maximum = torch.maximum(before, group.amax(dim=-1, keepdim=True))
        part = halved(one, distance(unit, maximum - group)).sum(dim=-1, keepdim=True)
        total = part + halved(total, distance(unit, maximum - before))
    reciprocal = torch.div(((1 << unit.output_bits) - 1) * one, total, rounding_mode="floor")
    return {
        "maximum": maximum,
        "sum": total,
        "reciprocal": reciprocal,
        "output": halved(reciprocal, distance(unit, maximum - logits)),
    }


def group_statistics(unit: ItaSoftmax, group: Tensor, one: Tensor) -> tuple[Tensor, Tensor]:
    """Maximum and sum of the first group of every row, [rows, 1] each."""
    maximum = group.amax(dim=-1, keepdim=True)
    return maximum, halved(one, distance(unit, maximum - group)).sum(dim=-1, keepdim=True)


def distance(unit: ItaSoftmax, steps: Tensor) -> Tensor:
    """Octaves that lie between two logits: the highest bit that is shifted out is added."""
    if unit.octave_shift == 0:
        return steps
    return (steps >> unit.octave_shift) + (steps >> (unit.octave_shift - 1)) % 2


def halved(value: Tensor, octaves: Tensor) -> Tensor:
    """value / 2**octaves, floored; 0 for more than 62 octaves."""
    return torch.where(octaves > 62, 0, value >> octaves.clamp(max=62))
