"""activation: a function of each code by the datapath's activation unit for it.

The integers are those of the unit (spec/units/activation, one kind a file): the constants a step brings are the
unit's parameters, its stages the unit's. Zero points, code widths and code ranges, which some units read as well,
come from the tensors. Where the unit's `requantizes` says so, its output is an accumulator for the requantizer
(roles and stages of it follow the unit's), else it is the output code.

    axis = None   one set of constants; each constant has the unit's shape behind a first axis of 1
    axis = c      one set for each index of that axis; the first axis of each constant has its size

A unit that is not elementwise (shift_silu with a row maximum) takes the last axis for its rows and has no axis.
A function without a unit in the datapath is a step of the op table instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast, get_args

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed, Unsupported
from bittrue.spec.op import Call, Op, Shape, VectorOp, Work
from bittrue.spec.requantizer import check_requantizer
from bittrue.spec.units.activation import AnyActivation, Function
from bittrue.spec.units.section import Port, Width


@dataclass(frozen=True)
class Activation(Op):
    """Attributes: the function's name; the channel axis, or None for one set of constants."""

    name: ClassVar[str] = "activation"

    function: str
    axis: int | None = None

    def roles_on(self, datapath: Datapath) -> tuple[str, ...]:
        """The parameters of the datapath's unit, then the requantizer's constants where it follows."""
        unit = unit_of(datapath, self.function)
        roles = tuple(port.name for port in unit.parameters)
        return roles + (datapath.requantizer(self.name).roles if unit.requantizes else ())

    def stages_on(self, datapath: Datapath) -> tuple[str, ...]:
        """The stages of the datapath's unit, then the requantizer's where it follows."""
        unit = unit_of(datapath, self.function)
        return unit.stages + (("accumulator", "rounded") if unit.requantizes else ())

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The input's shape."""
        return shapes[0]

    def check(self, call: Call) -> None:
        """Refuse axes that do not exist or do not fit the tensors, and what the unit or the requantizer cannot hold."""
        unit, source, output = unit_of(call.datapath, self.function), call.inputs[0], call.output
        _check_axis(call, self.axis, elementwise=unit.elementwise)
        count = 1 if self.axis is None else source.shape[self.axis]
        for port in unit.parameters:
            _check_shape(call, port, count)
        arrays = {**formats(call), **{port.name: call.constants[port.name] for port in unit.parameters}}
        unit.check(call.step, Width(source.bits, source.signed), Width(output.bits, output.signed), arrays)
        if not unit.requantizes:
            return
        before = int(np.prod(source.shape[: self.axis])) if self.axis is not None else 1
        if before != 1:
            raise IllFormed(
                "an activation in front of the requantizer has its channels on the first axis that is not 1",
                where=call.step,
                got=f"axis {self.axis} of {source.shape}",
            )
        reach = unit.reach(Width(source.bits, source.signed), arrays)
        check_requantizer(call, count, axis=self.axis, magnitude=reach)

    def work(self, call: Call) -> Work:
        """What the unit states, and a requantization an element where the requantizer follows."""
        unit, size = unit_of(call.datapath, self.function), call.output.size
        counts = {cast(VectorOp, kind): count for kind, count in unit.work(size).items()}
        if unit.requantizes:
            counts["requantize"] = counts.get("requantize", 0) + size
        return Work(None, counts)


def unit_of(datapath: Datapath, function: str) -> AnyActivation:
    """The datapath's unit for a function, or a refusal."""
    for name, unit in datapath.activation.items():
        if name == function:
            return unit
    known = ", ".join(datapath.activation) or "none"
    raise Unsupported(
        "the datapath has no activation unit for this function",
        where=f"datapath {datapath.name}",
        got=function,
        expected=f"one of those with a unit ({known}); functions are {', '.join(get_args(Function))}",
        next_step=f"add a section [activation.{function}], or use the op table",
    )


def formats(call: Call) -> dict[str, NDArray[np.int64]]:
    """What the unit reads of the formats of a step's tensors, by port name: one value, or one for each channel."""
    source, output = call.inputs[0], call.output
    values = {
        "input_zero_point": source.zero_point,
        "input_low": source.code_range[:1],
        "input_bits": (source.bits,),
        "output_zero_point": output.zero_point,
        "low": output.code_range[:1],
        "high": output.code_range[1:],
    }
    unit = unit_of(call.datapath, cast(Activation, call.op).function)
    return {port.name: np.array(values[port.name], np.int64) for port in unit.formats}


def _check_axis(call: Call, axis: int | None, *, elementwise: bool) -> None:
    source = call.inputs[0]
    if axis is not None and not 0 <= axis < len(source.shape):
        raise IllFormed(
            "the channel axis does not exist", where=call.step, got=axis, expected=f"an axis of {source.shape}"
        )
    if axis is not None and not elementwise:
        raise IllFormed("a unit with a row maximum has one set of constants", where=call.step, got=f"axis {axis}")
    for spec in (source, call.output):
        if spec.axis not in (None, axis):
            raise IllFormed(
                "a per-channel tensor needs a set of constants a channel",
                where=f"{call.step}: tensor {spec.name}",
                got=f"tensor axis {spec.axis}, axis of the constants {axis}",
            )


def _check_shape(call: Call, port: Port, count: int) -> None:
    array = call.constants[port.name]
    rank = 1 if port.axes == ("any",) else 2
    if array.ndim != rank or array.shape[0] != count:
        raise IllFormed(
            f"constant '{port.name}' has the wrong shape",
            where=call.step,
            got=array.shape,
            expected=f"({count},)" if rank == 1 else f"({count}, {port.axes[0]})",
        )
