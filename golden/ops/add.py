"""The judge of add: hands both operands to the judge of the datapath's unit; see spec/ops/add.py."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bittrue.golden.requantizer import Stages, constant, zero_points
from bittrue.golden.units.add import KINDS
from bittrue.spec.op import Call
from bittrue.spec.ops.add import unit_of


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """Two tensors of codes of one shape -> codes of that shape, int64."""
    unit = unit_of(call.datapath)
    low, high = (torch.tensor(end) for end in call.output.code_range)
    arrays = {
        "a": operands[0],
        "b": operands[1],
        "zero_point_a": zero_points(call.inputs[0]),
        "zero_point_b": zero_points(call.inputs[1]),
        "zero_point": zero_points(call.output),
        "low": low,
        "high": high,
    }
    found = KINDS[unit.kind](unit, {**arrays, **{port.name: constant(call, port.name) for port in unit.parameters}})
    if stages is not None:
        stages.update({name: found[name] for name in unit.stages})
    return found["output"]
