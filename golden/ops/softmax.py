"""The judge of softmax: hands rows to the judge of the datapath's unit; see spec/ops/softmax.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.requantizer import Stages, constant
from bittrue.golden.units.softmax import KINDS
from bittrue.spec.op import Call
from bittrue.spec.ops.softmax import unit_of


def run(call: Call, operands: Sequence[Tensor], stages: Stages | None = None) -> Tensor:
    """[..., N] codes -> [..., N] probability codes, int64. Stages of a row have shape [..., 1]."""
    unit, logits = unit_of(call.datapath), operands[0]
    arrays = {role: constant(call, role) for role in call.constants}
    found = KINDS[unit.kind](unit, {"logits": logits.reshape(-1, logits.shape[-1]), **arrays})
    if stages is not None:
        stages.update({name: found[name].reshape(*logits.shape[:-1], -1) for name in unit.stages})
    return found["output"].reshape(logits.shape)
