"""From a Call to tensors, and from an accumulator to output codes: what most judges end with.

For readers who follow one op from its formula in spec/ops to its codes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bittrue.golden.fixed import clamp, round_shift
from bittrue.spec.op import Call
from bittrue.spec.tensors import TensorSpec

Stages = dict[str, Tensor]
"""Intermediate values of one step by stage name, int64, in the order of the op's `stages`."""


def constant(call: Call, role: str) -> Tensor:
    """A constant of the step as int64; without a copy where the array is int64 already."""
    return torch.from_numpy(np.require(call.constants[role], np.int64, ["C", "W"]))


def along(values: Tensor, axis: int | None, rank: int) -> Tensor:
    """Shape one value, or one per index of `axis`, so that it broadcasts against a tensor of `rank` axes."""
    shape = [1] * rank
    if values.numel() > 1:
        assert axis is not None, "the contract allows several values only along an axis"
        shape[axis] = values.numel()
    return values.reshape(shape)


def zero_points(spec: TensorSpec) -> Tensor:
    """The zero points of a tensor, int64, broadcastable against it."""
    return along(torch.tensor(spec.zero_point, dtype=torch.int64), spec.axis, len(spec.shape))


def centred(call: Call, operands: Sequence[Tensor], index: int) -> Tensor:
    """`q - z` of one operand, int64, its shape."""
    return operands[index] - zero_points(call.inputs[index])


def to_codes(spec: TensorSpec, rounded: Tensor) -> Tensor:
    """`clamp(rounded + zero_point)`: int64 codes of `spec`."""
    low, high = spec.code_range
    return clamp(rounded + zero_points(spec), low, high)


def scaled(call: Call, accumulator: Tensor, multiplier: Tensor, shift: Tensor) -> Tensor:
    """accumulator * multiplier / 2**shift, rounded as often and in the way that the step's datapath says.

    All int64 and broadcastable. Two roundings are a division by 2**first_shift and one by the rest.
    """
    second = call.second_rounding
    if second is None:
        return round_shift(accumulator * multiplier, shift, call.rounding)
    first = torch.tensor(call.datapath.requantization.first_shift, dtype=torch.int64)
    lifted = accumulator * (torch.ones_like(shift) << (first - shift).clamp(min=0))
    high_half = round_shift(lifted * multiplier, first, call.rounding)
    rest = shift - first
    return torch.where(rest > 0, round_shift(high_half, rest.clamp(min=1), second), high_half)


def requantize(call: Call, accumulator: Tensor, channel_axis: int, stages: Stages | None) -> Tensor:
    """`clamp(scaled(accumulator) + zero_point)` with the step's constants.

    accumulator: int64, the output's shape; |accumulator * multiplier| < 2**63, which the contract's
    `check` proves. multiplier and shift: one, or one per index of channel_axis. Records the stages
    "accumulator" and "rounded". Returns int64 codes of the output.
    """
    multiplier = along(constant(call, "multiplier"), channel_axis, accumulator.ndim)
    shift = along(constant(call, "shift"), channel_axis, accumulator.ndim)
    rounded = scaled(call, accumulator, multiplier, shift)
    if stages is not None:
        stages.update(accumulator=accumulator, rounded=rounded)
    return to_codes(call.output, rounded)
