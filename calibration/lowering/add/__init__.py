"""Lowering of add and sub: the constants of the datapath's unit from three scales, one kind a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.add import float32, power_of_two, rescale, two_multipliers
from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.context import Lowering
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Op
from bittrue.spec.ops.add import Add, unit_of
from bittrue.spec.ops.sub import Sub
from bittrue.spec.tensors import TensorSpec

KINDS: dict[str, Callable[..., Constants]] = {
    "float32": float32.constants,
    "power_of_two": power_of_two.constants,
    "rescale": rescale.constants,
    "two_multipliers": two_multipliers.constants,
}
"""`constants(unit, a, b, output)` by kind: the unit's parameters, each of shape [1], for tensors with one scale."""


def lower_add(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """The constants depend on the scales of the two inputs and the output, and on the inputs' widths."""
    return Add(), _constants(lowering, node)


def lower_sub(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """The constants of add: it is the operand that changes its sign."""
    return Sub(), _constants(lowering, node)


def _constants(lowering: Lowering, node: Node) -> Constants:
    a, b = lowering.inputs(node)
    output, unit = lowering.specs[node.name], unit_of(lowering.datapath)
    for operand in (a, b):
        _check_one_ratio(operand, output)
    return KINDS[unit.kind](unit, *(_first_channel(spec) for spec in (a, b, output)))


def has_one_ratio(operand: TensorSpec, output: TensorSpec) -> bool:
    """Whether an operand's scale over the output's is the same exact fraction for all channels."""
    lines = (np.reshape(spec.scale, spec.line) for spec in (operand, output))
    pairs = zip(*(array.reshape(-1).tolist() for array in np.broadcast_arrays(*lines)), strict=True)
    return len({Fraction(x) / Fraction(y) for x, y in set(pairs)}) == 1


def _check_one_ratio(operand: TensorSpec, output: TensorSpec) -> None:
    """Refuse channel scales in another proportion to the output's: an add has one ratio for all channels."""
    if not has_one_ratio(operand, output):
        raise IllFormed(
            "an add has one ratio of scales for all channels",
            where=f"tensor {operand.name}",
            got=f"scales along axis {operand.axis}, those of {output.name} along axis {output.axis}",
            expected=f"one scale each, or scales in one proportion to those of {output.name}",
            next_step="give the tensors of an add the same channel scales, or one scale each",
        )


def _first_channel(spec: TensorSpec) -> TensorSpec:
    """The format of channel 0: a unit's constants follow from ratios, which the other channels share. Zero points are
    the op's own check."""
    return replace(spec, axis=None, scale=spec.scale[:1], zero_point=spec.zero_point[:1])
