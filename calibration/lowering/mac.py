"""Lowering of the ops that end in the MAC accumulator: conv2d, linear, matmul, weighted_sum, mean, avg_pool2d."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.constants import Constants, narrow, requantizer
from bittrue.calibration.lowering.context import Lowering
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Op
from bittrue.spec.ops.avg_pool2d import AvgPool2d
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.ops.linear import Linear
from bittrue.spec.ops.matmul import MatMul
from bittrue.spec.ops.mean import Mean
from bittrue.spec.ops.weighted_sum import WeightedSum
from bittrue.spec.tensors import TensorSpec


def lower_conv2d(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """Quantized weights, folded bias, a requantizer a channel."""
    weight = lowering.plan.graph.parameter(node, "weight")
    (stride_y, stride_x), (padding_y, padding_x) = node.integers("stride"), node.integers("padding")
    op = Conv2d(
        out_channels=weight.shape[0],
        kernel=(weight.shape[2], weight.shape[3]),
        stride=(stride_y, stride_x),
        padding=(padding_y, padding_x),
        groups=node.integer("groups"),
    )
    return op, _weighted(lowering, node)


def lower_linear(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """Quantized weights, folded bias, a requantizer a feature."""
    return Linear(lowering.plan.graph.parameter(node, "weight").shape[0]), _weighted(lowering, node)


def lower_matmul(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """The attention scale d**-0.5 is part of the requantization ratio."""
    a, b = lowering.inputs(node)
    ratio = one_scale(a) * one_scale(b) * Fraction(node.real("scale")) / one_scale(lowering.specs[node.name])
    return MatMul(bool(node.integer("transpose_b"))), requantizer([ratio], lowering.datapath)


def lower_weighted_sum(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """Product of two scales over the output's."""
    a, b = lowering.inputs(node)
    ratio = one_scale(a) * one_scale(b) / one_scale(lowering.specs[node.name])
    return WeightedSum(), requantizer([ratio], lowering.datapath)


def lower_mean(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """The division by H * W is part of the ratio."""
    (x,) = lowering.inputs(node)
    ratio = one_scale(x) / one_scale(lowering.specs[node.name]) / (x.shape[-2] * x.shape[-1])
    return Mean(), requantizer([ratio], lowering.datapath)


def lower_avg_pool2d(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """The division by the window is part of the ratio."""
    (x,) = lowering.inputs(node)
    pairs = {key: (node.integers(key)[0], node.integers(key)[1]) for key in ("kernel", "stride", "padding")}
    op = AvgPool2d(**pairs)
    ratio = one_scale(x) / one_scale(lowering.specs[node.name]) / (op.kernel[0] * op.kernel[1])
    return op, requantizer([ratio], lowering.datapath)


def one_scale(spec: TensorSpec) -> Fraction:
    """The scale of a tensor that must have one for all its elements."""
    if spec.axis is not None:
        raise IllFormed(
            "this op needs a tensor with one scale",
            where=f"tensor {spec.name}",
            got=f"scales along axis {spec.axis}",
            next_step="calibrate with --activation-granularity tensor",
        )
    return Fraction(spec.scale[0])


def _weighted(lowering: Lowering, node: Node) -> Constants:
    graph, (source,), output = lowering.plan.graph, lowering.inputs(node), lowering.specs[node.name]
    weight = graph.parameter(node, "weight").astype(np.float64)
    plan = lowering.plan.weights[node.name]
    channels = len(weight)
    scale_w = np.broadcast_to(np.array(plan.scale), (channels,))
    top = (1 << (plan.bits - 1)) - 1
    codes = np.clip(np.rint(weight / scale_w.reshape(-1, *[1] * (weight.ndim - 1))), -top, top).astype(np.int64)
    scale_in, zero_in = _per_output(source, codes, "scale"), _per_output(source, codes, "zero_point")
    bias = np.rint(graph.parameter(node, "bias").astype(np.float64) / (scale_in * scale_w)).astype(np.int64)
    # sum (q - z) w = sum q w - z sum w: the zero point becomes part of the bias.
    folded = bias - zero_in.astype(np.int64) * codes.reshape(channels, -1).sum(axis=1)
    scale_out = np.broadcast_to(np.array(output.scale), (channels,))
    ratios = [
        Fraction(float(i)) * Fraction(float(w)) / Fraction(float(o))
        for i, w, o in zip(scale_in, scale_w, scale_out, strict=True)
    ]
    return {"weight": narrow(codes), "bias": _int32_or_wider(folded), **requantizer(ratios, lowering.datapath)}


def _per_output(source: TensorSpec, codes: NDArray[np.int64], field: str) -> NDArray[np.generic]:
    """The input's scale or zero point for each output channel; per-channel inputs are depthwise."""
    values = np.array(getattr(source, field))
    if source.axis is None:
        return np.broadcast_to(values, (len(codes),))
    if codes.ndim != 4 or codes.shape[1] != 1:
        one_scale(source)
    return np.repeat(values, len(codes) // len(values))


def _int32_or_wider(values: NDArray[np.int64]) -> NDArray[np.integer]:
    fits = int(values.min()) >= -(1 << 31) and int(values.max()) < 1 << 31
    return values.astype(np.int32) if fits else values
