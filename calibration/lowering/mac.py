"""Lowering of the ops that end in the MAC accumulator: conv2d, linear, matmul, weighted_sum."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.channel_fold import by_output, folded_weight, groups_of, is_depthwise
from bittrue.calibration.lowering.constants import Constants, narrow, requantizer
from bittrue.calibration.lowering.context import Lowering
from bittrue.calibration.lowering.row_division import division_ratio
from bittrue.spec.arithmetic import code_range, wrap
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Op
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.ops.linear import Linear
from bittrue.spec.ops.matmul import MatMul
from bittrue.spec.ops.weighted_sum import WeightedSum
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.mac import Mac


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
    division = division_ratio(lowering, node)
    op = MatMul(bool(node.integer("transpose_b")), divide_by_row_sum=division is not None)
    return op, _requantizer(lowering, node, [ratio * (division or 1)])


def lower_weighted_sum(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """Product of two scales over the output's."""
    a, b = lowering.inputs(node)
    ratio = one_scale(a) * one_scale(b) / one_scale(lowering.specs[node.name])
    division = division_ratio(lowering, node)
    op = WeightedSum(divide_by_row_sum=division is not None)
    return op, _requantizer(lowering, node, [ratio * (division or 1)])


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
    weight, scale_in = _folded(node, graph.parameter(node, "weight").astype(np.float64), source)
    plan = lowering.plan.weights[node.name]
    channels = len(weight)
    scale_w = np.broadcast_to(np.array(plan.scale), (channels,))
    top = (1 << (plan.bits - 1)) - 1
    learned = lowering.plan.learned
    if f"{node.name}/weight" in learned:
        codes = learned[f"{node.name}/weight"].astype(np.int64)
    else:
        codes = np.clip(np.rint(weight / scale_w.reshape(-1, *[1] * (weight.ndim - 1))), -top, top).astype(np.int64)
    real_bias = learned.get(f"{node.name}/bias", graph.parameter(node, "bias"))
    bias = np.rint(real_bias.astype(np.float64) / (scale_in * scale_w)).astype(np.int64)
    if lowering.datapath.mac.zero_point == "folded":
        # sum (q - z) w = sum q w - sum z w: the zero points become part of the bias.
        bias = bias - _zero_points_in_bias(node, source, codes)
    scale_out = np.broadcast_to(np.array(output.scale), (channels,))
    ratios = [
        Fraction(float(i)) * Fraction(float(w)) / Fraction(float(o))
        for i, w, o in zip(scale_in, scale_w, scale_out, strict=True)
    ]
    if len(set(ratios)) == 1 and not lowering.datapath.requantizer(node.kind).per_channel:
        ratios = ratios[:1]
    held = _held_bias(bias, lowering.datapath.mac)
    return {"weight": narrow(codes), "bias": _int32_or_wider(held), **_requantizer(lowering, node, ratios)}


def _requantizer(lowering: Lowering, node: Node, ratios: list[Fraction]) -> Constants:
    """The constants of the requantizer that the datapath has for this kind of node."""
    return requantizer(ratios, lowering.datapath.requantizer(node.kind), lowering.specs[node.name])


def _held_bias(bias: NDArray[np.int64], mac: Mac) -> NDArray[np.int64]:
    """What a register of bias_bits keeps; where overflow is refused, the program's check refuses it."""
    if mac.bias_overflow == "wrap":
        return np.asarray(wrap(bias, mac.bias_bits))
    if mac.bias_overflow == "saturate":
        return np.clip(bias, *code_range(mac.bias_bits, signed=True))
    return bias


def _folded(
    node: Node, weight: NDArray[np.float64], source: TensorSpec
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The weight that is quantized, and the input's scale as each output channel sees it [O].

    Channel scales fold into the weight; an output of a depthwise convolution has its one channel's scale.
    """
    if source.axis is None:
        return weight, np.broadcast_to(np.array(source.scale), (len(weight),))
    _check_channels(node, source)
    if is_depthwise(node, weight):
        return weight, np.repeat(np.array(source.scale), len(weight) // len(source.scale))
    folded, reference = folded_weight(weight, source.scale, groups_of(node))
    return folded, np.broadcast_to(np.array(reference), (len(weight),))


def _zero_points_in_bias(node: Node, source: TensorSpec, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sum over c and taps of z_c * code[o, c, tap], int64 [O]."""
    channels = source.shape[1 if node.kind == "conv2d" else -1]
    points = np.broadcast_to(np.array(source.zero_point, np.int64), (channels,))
    sums = codes.reshape(*codes.shape[:2], -1).sum(axis=2)
    return np.asarray((by_output(points, groups_of(node), len(codes)) * sums).sum(axis=1))


def _check_channels(node: Node, source: TensorSpec) -> None:
    """Refuse scales along another axis than the node's input channels, before they meet the weights."""
    axis = 1 if node.kind == "conv2d" else len(source.shape) - 1
    if source.axis != axis:
        raise IllFormed(
            "scales fold into weights only along the axis of the input channels",
            where=f"tensor {source.name}",
            got=f"scales along axis {source.axis}",
            expected=f"one scale, or axis {axis}",
        )


def _int32_or_wider(values: NDArray[np.int64]) -> NDArray[np.integer]:
    fits = int(values.min()) >= -(1 << 31) and int(values.max()) < 1 << 31
    return values.astype(np.int32) if fits else values
