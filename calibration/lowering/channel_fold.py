"""Channel scales of an activation folded into the weights that reduce over its channels (docs/design.md, decision 5).

With s_c the scale of input channel c and s_ref the largest one, the sum over c of W[o, c] * s_c * (q_c - z_c) is
s_ref times the sum over c of W'[o, c] * (q_c - z_c) with W'[o, c] = W[o, c] * (s_c / s_ref). W' is what is quantized,
s_ref what lowering takes for the scale of the input: at run time nothing is left of the channel scales. NumPy only, so
that calibration, which chooses the scales of W', and lowering, which quantizes it, share one statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bittrue.calibration.graph import FloatGraph, Node
from bittrue.calibration.plan import TensorPlan
from bittrue.spec.errors import IllFormed
from bittrue.spec.layout import carry

BIAS_LIMIT = 1 << 29
"""A weight scale is made no finer than keeps the layer's own |bias| below this; what the input's zero point
folds in comes on top, and lowering proves that the sum fits."""
Reals = NDArray[np.float64]
Number = TypeVar("Number", np.float64, np.int64)


def folded_weight(weight: ArrayLike, scales: ArrayLike, groups: int) -> tuple[Reals, float]:
    """W' float64 [O, I / groups, ...] and s_ref.

    weight: [O, I / groups, ...], O ordered by group; scales: [I], > 0, float64. W' = W * (s / s_ref): one division
    and one product of float64. Raises IllFormed where there is not one scale an input channel.
    """
    taps = np.asarray(weight, np.float64)
    channels, given = groups * taps.shape[1], np.asarray(scales, np.float64)
    if given.shape != (channels,):
        raise IllFormed(
            "channel scales fold into weights only where there is one for each input channel",
            got=given.shape,
            expected=(channels,),
        )
    return taps * fold_factor(taps.shape, given, groups), float(given.max())


def fold_factor(shape: Sequence[int], scales: Reals, groups: int) -> Reals:
    """s / s_ref of the input channel of each weight, of a shape that broadcasts against [O, I / groups, ...]."""
    factors = by_output(np.asarray(scales / scales.max()), groups, shape[0])
    return factors.reshape(*factors.shape, *[1] * (len(shape) - 2))


def by_output(values: NDArray[Number], groups: int, outputs: int) -> NDArray[Number]:
    """[I] values of input channels -> [O, I / groups]: those that each output channel's group reads."""
    return np.repeat(values.reshape(groups, -1), outputs // groups, axis=0)


def is_depthwise(node: Node, weight: NDArray[np.generic]) -> bool:
    """Whether every output reads one input channel, whose scale is then the layer's own: nothing is folded."""
    return node.kind == "conv2d" and weight.shape[1] == 1


def groups_of(node: Node) -> int:
    """The groups of a conv2d; 1 for a linear node."""
    return node.integer("groups") if node.kind == "conv2d" else 1


def input_scales(graph: FloatGraph, source: TensorPlan, name: str) -> tuple[Reals, int | None]:
    """The scales of a tensor and the axis along which they vary, behind the layout nodes that carry `source` to it.

    Returns float64 [1] and None, or [size of the axis] and the axis.
    """
    node: Node | None = graph.by_name.get(name)
    if node is None or not node.is_layout:
        return np.array(source.scale, np.float64), source.axis
    values, axis = input_scales(graph, source, node.inputs[0])
    found, axis = carry(node.layout_op, values, axis, graph.shape_of(node.inputs[0]))
    return np.asarray(found, np.float64), axis


def scales_read(graph: FloatGraph, tensors: Mapping[str, TensorPlan], node: Node) -> tuple[Reals, int | None]:
    """`input_scales` of a node's first input."""
    name = node.inputs[0]
    return input_scales(graph, tensors[graph.source(name)], name)
