"""group_norm: normalization over groups of channels and all positions, gamma and beta per channel.

A row is the (C / groups) * positions codes of one group, in the tensor's own order; an element's
channel is its index on axis 1. The arithmetic and its widths are `spec/normalization.py`. Input and
output [1, C, ...]; statistics have shape [1, groups] (rows). MobileViTv2 uses one group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec.errors import IllFormed
from bittrue.spec.normalization import ROLES, STAGES, check_normalization
from bittrue.spec.op import Call, Op, Shape, Work
from bittrue.spec.requantizer import check_per_tensor


@dataclass(frozen=True)
class GroupNorm(Op):
    """Attributes: number of groups; the k and p of spec/normalization.py."""

    name: ClassVar[str] = "group_norm"
    roles: ClassVar[tuple[str, ...]] = ROLES
    stages: ClassVar[tuple[str, ...]] = STAGES

    groups: int
    root_shift: int
    reciprocal_bits: int

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """[1, C, ...] -> [1, C, ...]."""
        (shape,) = shapes
        if len(shape) < 2 or shape[0] != 1 or self.groups < 1 or shape[1] % self.groups:
            raise IllFormed(
                "group_norm takes [1, channels, ...] with channels a multiple of groups", got=(shape, self.groups)
            )
        return shape

    def check(self, call: Call) -> None:
        """Refuse per-channel inputs and what the norm unit cannot hold."""
        check_per_tensor(call, 0)
        check_normalization(
            call,
            n=call.inputs[0].size // self.groups,
            channels=call.inputs[0].shape[1],
            root_shift=self.root_shift,
            reciprocal_bits=self.reciprocal_bits,
        )

    def work(self, call: Call) -> Work:
        """As layer_norm, with one row a group."""
        size = call.output.size
        return Work(
            None,
            {"multiply": 2 * size, "add": 3 * size, "requantize": 2 * size, "root": self.groups, "divide": self.groups},
        )
