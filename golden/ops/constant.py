"""The judge of constant: the codes that the step brings; see spec/ops/constant.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.requantizer import Stages, constant
from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """No operands -> the step's own codes, int64."""
    return constant(call, "codes").clone()
