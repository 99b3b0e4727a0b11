"""The judge of mul: the exact product of two centred activations; see spec/ops/mul.py and spec/units/mul.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.requantizer import Stages, centred, requantize
from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """Codes of a and of a b whose axes are a's or 1 -> codes of a's shape, int64."""
    return requantize(call, centred(call, operands, 0) * centred(call, operands, 1), 1, stages)
