"""Lowering of concat: a ratio of scales or a table for each input, or nothing where codes are copied."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.constants import Constants, narrow, requantizer
from bittrue.calibration.lowering.context import Lowering
from bittrue.calibration.lowering.mac import one_scale
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Op
from bittrue.spec.ops.concat import Concat
from bittrue.spec.tensors import TensorSpec


def lower_concat(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """One requantizer or table an input; a datapath that copies needs the output's scale in every input."""
    op, inputs, output = Concat(node.integer("axis")), lowering.inputs(node), lowering.specs[node.name]
    if lowering.datapath.concat.kind == "copy":
        for spec in inputs:
            same_scale(spec, output, "the datapath's concat copies codes")
        return op, {}
    if lowering.datapath.concat.kind == "table":
        return op, {"table": narrow(np.stack([float32_table(spec, output) for spec in inputs]))}
    ratios = [one_scale(spec) / one_scale(output) for spec in inputs]
    return op, requantizer(ratios, lowering.datapath.requantizer("concat"), output)


def float32_table(spec: TensorSpec, output: TensorSpec) -> NDArray[np.int64]:
    """Output codes of all codes of an input [2**bits], by single IEEE operations in float32."""
    low, high = spec.code_range
    scale_x, scale_y = (np.float32(float(one_scale(tensor))) for tensor in (spec, output))
    centred = np.arange(low, high + 1).astype(np.float32) - np.float32(spec.zero_point[0])
    real = (scale_x * centred).astype(np.float32) / scale_y
    return np.asarray(np.clip(np.rint(real).astype(np.int64) + output.zero_point[0], *output.code_range))


def same_scale(spec: TensorSpec, output: TensorSpec, why: str) -> None:
    """Refuse an input whose scale is not the output's; zero points and widths are the op's own check."""
    if one_scale(spec) != one_scale(output):
        raise IllFormed(
            f"{why}, and an input has another scale than the output",
            where=f"tensor {spec.name}",
            got=spec.scale[0],
            expected=f"{output.scale[0]}, the scale of {output.name}",
            next_step="calibrate with one scale for both tensors, or choose a datapath that requantizes here",
        )
