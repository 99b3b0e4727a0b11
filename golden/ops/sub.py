"""The judge of sub: the add unit on a and on b mirrored about its zero point; see spec/ops/sub.py."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bittrue.golden.requantizer import Stages, centred, constant, zero_points
from bittrue.golden.units.add import KINDS
from bittrue.spec.op import Call
from bittrue.spec.ops.add import unit_of


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """Two tensors of codes of one shape -> codes of that shape, int64."""
    unit = unit_of(call.datapath)
    low, high = (torch.tensor(end) for end in call.output.code_range)
    nothing = torch.zeros(1, dtype=torch.int64)
    arrays = {
        "a": centred(call, operands, 0),
        "b": -centred(call, operands, 1),
        "zero_point_a": nothing,
        "zero_point_b": nothing,
        "zero_point": zero_points(call.output),
        "low": low,
        "high": high,
    }
    found = KINDS[unit.kind](unit, {**arrays, **{port.name: constant(call, port.name) for port in unit.parameters}})
    if stages is not None:
        stages.update({name: found[name] for name in unit.stages})
    return found["output"]
