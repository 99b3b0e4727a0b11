"""Lowering of concat: a ratio of scales or a table for each input, or nothing where codes are copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

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
    """One requantizer or table an input; nothing where the inputs' formats side by side are the output's.

    A datapath that copies takes nothing else, and needs no attribute for it.
    """
    axis, inputs, output = node.integer("axis"), lowering.inputs(node), lowering.specs[node.name]
    kind = lowering.datapath.concat.kind
    if kind == "copy":
        _check_scales(inputs, output, axis)
        return Concat(axis), {}
    if side_by_side(inputs, output, axis):
        return Concat(axis, copies=True), {}
    op = Concat(axis)
    if kind == "table":
        return op, {"table": narrow(np.stack([float32_table(spec, output) for spec in inputs]))}
    ratios = [one_scale(spec) / one_scale(output) for spec in inputs]
    return op, requantizer(ratios, lowering.datapath.requantizer("concat"), output)


def side_by_side(inputs: Sequence[TensorSpec], output: TensorSpec, axis: int) -> bool:
    """Whether width, sign, scale and zero point of the output at each index are those of the input that lies there."""
    scales, points = (parts(inputs, output, values, axis) for values in (output.scale, output.zero_point))
    return all(
        (spec.bits, spec.signed) == (output.bits, output.signed)
        and np.array_equal(spread(spec, spec.scale), scales[index])
        and np.array_equal(spread(spec, spec.zero_point), points[index])
        for index, spec in enumerate(inputs)
    )


def parts(
    inputs: Sequence[TensorSpec], output: TensorSpec, values: Sequence[float], axis: int
) -> list[NDArray[np.generic]]:
    """What values of the output, one or one a channel, are at the elements of each input."""
    ends = np.cumsum([spec.shape[axis] for spec in inputs])[:-1]
    return np.split(spread(output, values), ends, axis=axis)


def spread(spec: TensorSpec, values: Sequence[float]) -> NDArray[np.generic]:
    """Values, one or one a channel, at every element of a tensor."""
    return np.broadcast_to(np.reshape(values, spec.line), spec.shape)


def _check_scales(inputs: Sequence[TensorSpec], output: TensorSpec, axis: int) -> None:
    """Refuse an input whose scales are not the output's; zero points and widths are the op's own check."""
    for spec, wanted in zip(inputs, parts(inputs, output, output.scale, axis), strict=True):
        if not np.array_equal(spread(spec, spec.scale), wanted):
            refuse_scale(spec, output, "the datapath's concat copies codes")


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
        refuse_scale(spec, output, why)


def refuse_scale(spec: TensorSpec, output: TensorSpec, why: str) -> NoReturn:
    """Say that an input has another scale than the output."""
    raise IllFormed(
        f"{why}, and an input has another scale than the output",
        where=f"tensor {spec.name}",
        got=spec.scale[0] if spec.axis is None else f"scales along axis {spec.axis}",
        expected=f"{output.scale[0] if output.axis is None else 'those'}, the scale of {output.name}",
        next_step="calibrate with one scale for both tensors, or choose a datapath that requantizes here",
    )
