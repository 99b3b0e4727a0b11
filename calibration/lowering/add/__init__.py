"""Lowering of add: the constants of the datapath's unit from three scales, one kind a file."""

from __future__ import annotations

from collections.abc import Callable

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.add import float32, power_of_two, rescale, two_multipliers
from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.context import Lowering
from bittrue.spec.op import Op
from bittrue.spec.ops.add import Add, unit_of

KINDS: dict[str, Callable[..., Constants]] = {
    "float32": float32.constants,
    "power_of_two": power_of_two.constants,
    "rescale": rescale.constants,
    "two_multipliers": two_multipliers.constants,
}
"""`constants(unit, a, b, output)` by kind: the unit's parameters, each of shape [1], for tensors with one scale."""


def lower_add(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """The constants depend on the scales of the two inputs and the output, and on the inputs' widths."""
    a, b = lowering.inputs(node)
    unit = unit_of(lowering.datapath)
    return Add(), KINDS[unit.kind](unit, a, b, lowering.specs[node.name])
