"""group_norm: normalization over groups of channels and all positions, gamma and beta per channel.

A row is the (C / groups) * positions codes of one group, in the tensor's own order; an element's
channel is its index on axis 1. The integers are those of the datapath's norm unit (spec/units/norm, one kind
a file); spec/row_norm.py says how a step uses it. Input and output [1, C, ...]; stages that have one value a
row have shape [1, groups]. MobileViTv2 uses one group.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Shape
from bittrue.spec.row_norm import RowNorm


@dataclass(frozen=True)
class GroupNorm(RowNorm):
    """Attributes: number of groups."""

    name: ClassVar[str] = "group_norm"

    groups: int

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """[1, C, ...] -> [1, C, ...]."""
        (shape,) = shapes
        if len(shape) < 2 or shape[0] != 1 or self.groups < 1 or shape[1] % self.groups:
            raise IllFormed(
                "group_norm takes [1, channels, ...] with channels a multiple of groups", got=(shape, self.groups)
            )
        return shape

    def row_length(self, shape: Shape) -> int:
        """(C / groups) * positions."""
        return math.prod(shape) // self.groups

    def channel_axis(self, shape: Shape) -> int:
        """Axis 1."""
        return 1

    def statistics_shape(self, shape: Shape) -> Shape:
        """[1, groups]."""
        return (1, self.groups)
