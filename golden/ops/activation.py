"""The judge of activation: hands each channel to the judge of the datapath's unit; see spec/ops/activation.py."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bittrue.golden.requantizer import Stages, constant, requantize
from bittrue.golden.units.activation import KINDS
from bittrue.spec.op import Call
from bittrue.spec.ops.activation import Activation, formats, unit_of


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """Codes of any shape -> codes of that shape, int64."""
    op, codes = call.op, operands[0]
    assert isinstance(op, Activation)
    unit = unit_of(call.datapath, op.function)
    if op.axis is None:
        found = _evaluate(call, 0, codes)
    else:
        slices = [_evaluate(call, index, part) for index, part in enumerate(codes.unbind(op.axis))]
        found = {name: torch.stack([part[name] for part in slices], dim=op.axis) for name in slices[0]}
    if stages is not None:
        stages.update({name: found[name] for name in unit.stages})
    if unit.requantizes:
        return requantize(call, found["output"], 0 if op.axis is None else op.axis, stages)
    return found["output"]


def _evaluate(call: Call, channel: int, codes: Tensor) -> dict[str, Tensor]:
    """The unit's stages and output for the codes of one channel; parameters lose their first axis."""
    op = call.op
    assert isinstance(op, Activation)
    unit = unit_of(call.datapath, op.function)
    read = {
        name: torch.tensor(int(values[channel if values.size > 1 else 0])) for name, values in formats(call).items()
    }
    constants = {port.name: constant(call, port.name)[channel] for port in unit.parameters}
    return KINDS[unit.kind](unit, {"codes": codes, **read, **constants})
