"""layer_norm: normalization over the last axis, with gamma and beta per channel.

A row is the C codes of one position, channel c = index in the row. The integers are those of the datapath's
norm unit (spec/units/norm, one kind a file); spec/row_norm.py says how a step uses it. Input and output
[..., C]; stages that have one value a row have shape [..., 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec.op import Shape
from bittrue.spec.row_norm import RowNorm


@dataclass(frozen=True)
class LayerNorm(RowNorm):
    """No attributes; the axis is the last one."""

    name: ClassVar[str] = "layer_norm"

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """[..., C] -> [..., C]."""
        return shapes[0]

    def row_length(self, shape: Shape) -> int:
        """C."""
        return shape[-1]

    def channel_axis(self, shape: Shape) -> int:
        """The last one."""
        return len(shape) - 1

    def statistics_shape(self, shape: Shape) -> Shape:
        """[..., 1]."""
        return (*shape[:-1], 1)
