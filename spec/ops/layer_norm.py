"""layer_norm: normalization over the last axis, with gamma and beta per channel.

A row is the C codes of one position, channel c = index in the row. The arithmetic and its widths are
`spec/normalization.py`. Input and output [..., C]; statistics have shape [..., 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec.normalization import ROLES, STAGES, check_normalization
from bittrue.spec.op import Call, Op, Shape, Work
from bittrue.spec.requantizer import check_per_tensor


@dataclass(frozen=True)
class LayerNorm(Op):
    """Attributes: the k and p of spec/normalization.py."""

    name: ClassVar[str] = "layer_norm"
    roles: ClassVar[tuple[str, ...]] = ROLES
    stages: ClassVar[tuple[str, ...]] = STAGES

    root_shift: int
    reciprocal_bits: int

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """[..., C] -> [..., C]."""
        return shapes[0]

    def check(self, call: Call) -> None:
        """Refuse per-channel inputs and what the norm unit cannot hold."""
        check_per_tensor(call, 0)
        channels = call.inputs[0].shape[-1]
        check_normalization(
            call, n=channels, channels=channels, root_shift=self.root_shift, reciprocal_bits=self.reciprocal_bits
        )

    def work(self, call: Call) -> Work:
        """Statistics: a square and two additions an element. Apply: n*q, the reciprocal, gamma and two
        roundings. A row: one root, one division."""
        size, rows = call.output.size, call.output.size // call.output.shape[-1]
        return Work(None, {"multiply": 2 * size, "add": 3 * size, "requantize": 2 * size, "root": rows, "divide": rows})
