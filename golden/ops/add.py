"""The judge of add: two scaled activations, one rounding; formula in spec/ops/add.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.fixed import round_shift
from bittrue.golden.requantizer import Stages, centred, constant, to_codes
from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """Two tensors of codes of one shape -> codes of that shape, int64."""
    a = centred(call, operands, 0) * constant(call, "multiplier_a")
    b = centred(call, operands, 1) * constant(call, "multiplier_b")
    accumulator = a + b
    rounded = round_shift(accumulator, constant(call, "shift"), call.rounding)
    if stages is not None:
        stages.update(accumulator=accumulator, rounded=rounded)
    return to_codes(call.output, rounded)
