"""Lowering of elementwise functions: to the datapath's unit for the function, or else to a table."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.activation import igelu, interpolated, piecewise, shifts, sigmoid_product, tflite
from bittrue.calibration.lowering.activation.formats import Channel, Lowered
from bittrue.calibration.lowering.activation.table import lower_by_table, lower_normalize
from bittrue.calibration.lowering.constants import Constants, narrow, requantizer
from bittrue.calibration.lowering.context import Lowering
from bittrue.calibration.lowering.tables import FUNCTIONS
from bittrue.spec.errors import Unsupported
from bittrue.spec.op import Op
from bittrue.spec.ops.activation import Activation, unit_of
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.activation import AnyActivation

__all__ = ["KINDS", "lower_function", "lower_normalize"]

Number = TypeVar("Number", int, float)

KINDS: dict[str, Callable[[Any, Channel], Lowered]] = {
    "clamp": shifts.lower_clamp,
    "hardswish": shifts.lower_hardswish,
    "igelu": igelu.lower,
    "interpolated": interpolated.lower,
    "ita_gelu": igelu.refuse,
    "piecewise": piecewise.lower,
    "relu": shifts.lower_relu,
    "shift_silu": shifts.lower_shift_silu,
    "sigmoid_product": sigmoid_product.lower,
    "tflite_hardswish": tflite.lower_hardswish,
    "tflite_logistic": tflite.lower_logistic,
}
"""(the unit's section, one channel's formats) -> its parameters and ratio."""
KEPT = 4096
"""Channels whose parameters are remembered: those of two or three plans with scales a channel."""


def lower_function(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """One set of constants, or one a channel where the input or the output has a scale a channel."""
    name = node.text("function")
    if name not in FUNCTIONS:
        raise Unsupported("no table for this function", where=node.name, got=name, expected=", ".join(FUNCTIONS))
    source, output = lowering.specs[node.inputs[0]], lowering.specs[node.name]
    axis = source.axis if source.axis is not None else output.axis
    if name not in set(lowering.datapath.activation):
        return lower_by_table(lowering, node, axis)
    _check_uniform(lowering, node)
    unit = unit_of(lowering.datapath, name)
    lowered = [
        _lowered(unit, channel) for channel in _channels(name, source, output, 1 if axis is None else node.shape[axis])
    ]
    constants: Constants = {
        port.name: narrow(np.stack([part.constants[port.name] for part in lowered])) for port in unit.parameters
    }
    ratios = [part.ratio for part in lowered if part.ratio is not None]
    if unit.requantizes:
        constants.update(requantizer(ratios, lowering.datapath.requantizer("activation"), output))
    return Activation(name, axis), constants


@lru_cache(maxsize=KEPT)
def _lowered(unit: AnyActivation, channel: Channel) -> Lowered:
    """Of one channel. Kept: channels often share their formats, and so do the many datapaths that one plan is lowered
    for in a study."""
    return KINDS[unit.kind](unit, channel)


def _check_uniform(lowering: Lowering, node: Node) -> None:
    """Refuse codes that only a table can be made to give."""
    if lowering.plan.tensors[node.name].region_shift:
        raise Unsupported(
            "twin uniform codes come out of a table only, and the datapath has a unit for this function",
            where=node.name,
            got=f"activation.{node.text('function')}",
            next_step="lower for paper_ptq4vit, or calibrate with another method",
        )


def _channels(function: str, source: TensorSpec, output: TensorSpec, count: int) -> list[Channel]:
    def each(values: tuple[Number, ...]) -> tuple[Number, ...]:
        return values * count if len(values) == 1 else values

    formats = each(source.scale), each(source.zero_point), each(output.scale), each(output.zero_point)
    return [
        Channel(function, Fraction(s_in), z_in, source.code_range, Fraction(s_out), z_out, output.code_range)
        for s_in, z_in, s_out, z_out in zip(*formats, strict=True)
    ]
