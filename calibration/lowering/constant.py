"""Lowering of constant: learned values as codes of their tensor."""

from __future__ import annotations

import numpy as np

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.constants import Constants, narrow
from bittrue.calibration.lowering.context import Lowering
from bittrue.calibration.lowering.mac import one_scale
from bittrue.spec.op import Op
from bittrue.spec.ops.constant import Constant


def lower_constant(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """The nearest code of every value, half to even."""
    values, spec = lowering.plan.graph.parameter(node, "values"), lowering.specs[node.name]
    codes = np.rint(values.astype(np.float64) / float(one_scale(spec))).astype(np.int64) + spec.zero_point[0]
    return Constant(node.shape), {"codes": narrow(np.clip(codes, *spec.code_range))}
