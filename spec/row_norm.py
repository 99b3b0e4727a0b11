"""What layer_norm and group_norm share: the datapath's norm unit on rows of codes.

The integers are those of the unit (spec/units/norm, one kind a file): the constants a step brings are the
unit's parameters and gamma and beta, its stages the unit's. A step's parameters have one value, or one a
channel where the unit says so; stages of a row have the statistics shape of the op. The output may have a scale a
channel, which is part of that channel's gamma and beta; its zero point is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Op, Shape, VectorOp, Work
from bittrue.spec.requantizer import check_lengths, check_one_zero_point, check_output_axis, check_per_tensor
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.norm import NormUnit
from bittrue.spec.units.norm.unit import check_63_bits
from bittrue.spec.units.section import Arrays, Width


@dataclass(frozen=True)
class RowNorm(Op):
    """An op that normalizes rows."""

    def row_length(self, shape: Shape) -> int:
        """n: the codes of one row."""
        raise TypeError(f"{type(self).__name__} does not state its rows")

    def channel_axis(self, shape: Shape) -> int:
        """The axis of gamma and beta."""
        raise TypeError(f"{type(self).__name__} does not state its channels")

    def statistics_shape(self, shape: Shape) -> Shape:
        """Shape of the stages that have one value a row."""
        raise TypeError(f"{type(self).__name__} does not state the shape of its statistics")

    def roles_on(self, datapath: Datapath) -> tuple[str, ...]:
        """The parameters of the datapath's unit, gamma and beta."""
        return unit_of(datapath).roles

    def stages_on(self, datapath: Datapath) -> tuple[str, ...]:
        """The stages of the datapath's unit."""
        return unit_of(datapath).stages

    def check(self, call: Call) -> None:
        """Refuse what the unit cannot hold, and scales along another axis than the channels'."""
        unit, source = unit_of(call.datapath), call.inputs[0]
        axis, n = self.channel_axis(source.shape), self.row_length(source.shape)
        if not unit.reads_zero_point or source.axis != axis:
            check_per_tensor(call, 0)
        check_output_axis(call, axis)
        check_one_zero_point(call, call.output, "a norm unit adds one zero point")
        check_lengths(call, source.shape[axis], *(port.name for port in unit.parameters if port.axes == ("n",)))
        unit.check(call.step, Width(source.bits, source.signed), n, unit_constants(call))
        if unit.has_affine:
            check_affine(call, unit, channels=source.shape[axis], n=n)

    def work(self, call: Call) -> Work:
        """What the unit states."""
        size = call.output.size
        counts = unit_of(call.datapath).work(size, size // self.row_length(call.output.shape))
        return Work(None, cast(Mapping[VectorOp, int], counts))


def unit_of(datapath: Datapath) -> NormUnit:
    """The datapath's norm unit, or a refusal."""
    return datapath.required(datapath.norm, "norm")


def unit_constants(call: Call) -> Arrays:
    """The step's constants and, where the unit reads it, the zero point of the codes."""
    if not unit_of(call.datapath).reads_zero_point:
        return call.constants
    return {**call.constants, "code_zero_point": zero_points(call.inputs[0])}


def zero_points(spec: TensorSpec) -> np.ndarray:
    """The zero points of a tensor, int64 [1] or [channels]."""
    return np.array(spec.zero_point, np.int64)


def check_affine(call: Call, unit: NormUnit, *, channels: int, n: int) -> None:
    """Refuse gamma, beta and shifts that the unit cannot hold, and a scaled value that may leave 63 bits."""
    check_lengths(call, channels, "multiplier", "bias", "shift")
    multiplier, bias, shift = (call.constants[role] for role in ("multiplier", "bias", "shift"))
    if int(shift.min()) < 1 or int(shift.max()) > unit.shift_max:
        raise IllFormed(
            "a shift is outside the norm unit's range",
            where=call.step,
            got=f"{int(shift.min())}..{int(shift.max())}",
            expected=f"1..{unit.shift_max}",
        )
    largest = max(-int(multiplier.min()), int(multiplier.max()))
    if largest >= 1 << unit.multiplier_bits:
        raise IllFormed(
            "a gamma multiplier does not fit the norm unit",
            where=call.step,
            got=largest,
            expected=f"below 2**{unit.multiplier_bits}",
        )
    normalized = unit.normalized_max(Width(call.inputs[0].bits, call.inputs[0].signed), n, call.constants)
    # Half of the last place for the rounding, and TOSA's 2**30 in front of it.
    rounding = (1 << (int(shift.max()) - 1)) + (1 << 30)
    reach = normalized * largest + max(-int(bias.min()), int(bias.max())) + rounding
    check_63_bits(call.step, "scaled normalized value", reach)
