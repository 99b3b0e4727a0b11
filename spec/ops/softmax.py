"""softmax: over the last axis, by the datapath's softmax unit.

The integers are those of the unit (spec/units/softmax, one kind a file): the constants a step brings are the
unit's parameters, its stages the unit's, and the output has the format that the unit states. The rows are the
last axis; the zero point of the logits cancels in every unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Op, Shape, VectorOp, Work
from bittrue.spec.requantizer import check_per_tensor
from bittrue.spec.units.section import Width
from bittrue.spec.units.softmax import SoftmaxUnit


@dataclass(frozen=True)
class Softmax(Op):
    """No attributes; the axis is the last one."""

    name: ClassVar[str] = "softmax"

    def roles_on(self, datapath: Datapath) -> tuple[str, ...]:
        """The parameters of the datapath's unit."""
        return tuple(port.name for port in unit_of(datapath).parameters)

    def stages_on(self, datapath: Datapath) -> tuple[str, ...]:
        """The stages of the datapath's unit."""
        return unit_of(datapath).stages

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """[..., N] -> [..., N]."""
        return shapes[0]

    def check(self, call: Call) -> None:
        """Refuse what the unit cannot hold, and an output that is not the unit's."""
        unit, logits, output = unit_of(call.datapath), call.inputs[0], call.output
        n = logits.shape[-1]
        check_per_tensor(call, 0)
        for port in unit.parameters:
            if port.axes == ("rows", "one") and call.constants[port.name].shape != (1,):
                raise IllFormed(
                    f"constant '{port.name}' has the wrong shape",
                    where=call.step,
                    got=call.constants[port.name].shape,
                    expected="(1,): a step has one scale of logits",
                )
        unit.check(call.step, Width(logits.bits, logits.signed), n, call.constants)
        form = unit.output(n)
        wanted = (form.bits, form.signed, (form.zero_point,), form.row_sum_max)
        if (output.bits, output.signed, output.zero_point, output.row_sum_max) != wanted:
            raise IllFormed(
                "a softmax output has a fixed format",
                where=f"{call.step}: tensor {output.name}",
                got=(output.bits, output.signed, output.zero_point, output.row_sum_max),
                expected=wanted,
            )

    def work(self, call: Call) -> Work:
        """What the unit states."""
        size = call.output.size
        counts = unit_of(call.datapath).work(size, size // call.output.shape[-1])
        return Work(None, cast(Mapping[VectorOp, int], counts))


def unit_of(datapath: Datapath) -> SoftmaxUnit:
    """The datapath's softmax unit, or a refusal."""
    return datapath.required(datapath.softmax, "softmax")
