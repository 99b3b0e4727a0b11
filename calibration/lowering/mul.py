"""Lowering of mul: the product of two scales over the output's."""

from __future__ import annotations

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.constants import Constants, requantizer
from bittrue.calibration.lowering.context import Lowering
from bittrue.calibration.lowering.ieee import quotient
from bittrue.calibration.lowering.mac import one_scale
from bittrue.spec.op import Op
from bittrue.spec.ops.mul import Mul


def lower_mul(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """One requantizer."""
    a, b = lowering.inputs(node)
    output = lowering.specs[node.name]
    ratio = quotient((one_scale(a), one_scale(b)), one_scale(output), lowering.datapath.mul.ratio)
    return Mul(), requantizer([ratio], lowering.datapath.requantizer("mul"), output)
