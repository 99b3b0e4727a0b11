"""add: two activations of one shape, by the datapath's add unit (spec/units/add, one kind a file).

The step brings the unit's constants, one value each; the unit says which. Inputs and output have one scale each, or
one a channel where the ratios of the inputs' scales to the output's are the same for all channels: the constants say
nothing else. Zero points are one a tensor. The sum is no MAC accumulator and has no overflow rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Op, Shape, Work
from bittrue.spec.requantizer import check_lengths, check_one_zero_point
from bittrue.spec.units.add import AnyAdd
from bittrue.spec.units.section import Width


def unit_of(datapath: Datapath) -> AnyAdd:
    """The datapath's add unit; Unsupported where it has none."""
    return cast(AnyAdd, datapath.required(datapath.add, "add"))


@dataclass(frozen=True)
class Add(Op):
    """No attributes; no broadcasting."""

    name: ClassVar[str] = "add"
    arity: ClassVar[int | None] = 2

    def roles_on(self, datapath: Datapath) -> tuple[str, ...]:
        """The constants of the datapath's unit."""
        return tuple(port.name for port in unit_of(datapath).parameters)

    def stages_on(self, datapath: Datapath) -> tuple[str, ...]:
        """The stages of the datapath's unit."""
        return unit_of(datapath).stages

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Two equal shapes -> the same."""
        if shapes[0] != shapes[1]:
            raise IllFormed(f"{self.name} takes two tensors of one shape", got=tuple(shapes))
        return shapes[0]

    def check(self, call: Call) -> None:
        """Refuse zero points that differ between channels, and widths and constants that the unit cannot hold."""
        unit = unit_of(call.datapath)
        for spec in (*call.inputs, call.output):
            check_one_zero_point(call, spec, "an add has one zero point a tensor")
        check_lengths(call, 1, *self.roles_on(call.datapath))
        a, b, y = (Width(spec.bits, spec.signed) for spec in (*call.inputs, call.output))
        unit.check_widths(call.step, (a, b), y)
        unit.check_codes(call.step, {"zero_point": np.array(call.output.zero_point)})
        unit.check(call.step, (call.inputs[0].magnitude_max, call.inputs[1].magnitude_max), call.constants)

    def work(self, call: Call) -> Work:
        """Two multiplications, an addition and a rounding an element."""
        size = call.output.size
        return Work(None, {"multiply": size, "add": size, "requantize": size})
