"""Lowering of the layout ops."""

from __future__ import annotations

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.context import Lowering
from bittrue.spec.op import Op


def lower_layout(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """Nothing to compute."""
    return node.layout_op, {}
