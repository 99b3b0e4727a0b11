"""Sites: the tensors whose scales calibration chooses, and what their readers demand of them.

Layout outputs inherit their source's scales and softmax outputs have the datapath's fixed format, so
neither is a site.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import FloatGraph, Node

MAC_OPERANDS = ("matmul", "weighted_sum")
"""Kinds that multiply two activations: a zero point other than 0 would cost the multiplier a ninth bit."""

NORMS = ("layer_norm", "group_norm")
"""Kinds whose unit adds one zero point for all channels."""


@dataclass(frozen=True)
class Site:
    """One tensor to quantize."""

    name: str
    shape: tuple[int, ...]
    axis: int | None
    """Channel axis of the producer; None where the tensor has none (attention scores and contexts)."""
    groups: tuple[int, ...]
    """For each channel the index of the group that must share one scale; one entry where axis is None."""
    symmetric: tuple[bool, ...]
    """For each group, whether a MAC takes it as one of two activations."""
    padded: bool
    """Whether a convolution pads it, so that 0 must be a code."""
    one_zero_point: bool
    """Whether all channels must share a zero point even where they have scales of their own."""


def find_sites(graph: FloatGraph) -> tuple[Site, ...]:
    """Every site of a graph, in order of production."""
    return tuple(_site(graph, node) for node in graph.nodes if not node.is_layout and node.kind != "softmax")


def _site(graph: FloatGraph, node: Node) -> Site:
    axis = _channel_axis(graph, node)
    leaves = _leaves(graph, node.name, _channel_indices(node, axis))
    groups, readers = _groups(1 if axis is None else node.shape[axis], leaves)
    return Site(
        name=node.name,
        shape=node.shape,
        axis=axis,
        groups=tuple(groups.tolist()),
        symmetric=tuple(any(reader.kind in MAC_OPERANDS for reader in group) for group in readers),
        padded=_is_padded(graph, node.name),
        one_zero_point=node.kind in NORMS,
    )


def _channel_axis(graph: FloatGraph, node: Node) -> int | None:
    if node.kind in ("conv2d", "normalize"):
        return 1
    if node.kind in ("linear", "layer_norm"):
        return len(node.shape) - 1
    if node.kind == "group_norm":
        return 1
    if node.kind == "function" and not graph.by_name[node.inputs[0]].is_layout:
        return _channel_axis(graph, graph.by_name[node.inputs[0]])
    return None


def _is_padded(graph: FloatGraph, name: str) -> bool:
    """Whether a convolution pads a tensor, perhaps as a part of a concat."""
    return any(
        (reader.kind == "conv2d" and any(reader.integers("padding")))
        or (reader.kind == "concat" and _is_padded(graph, reader.name))
        for reader in graph.readers(name)
    )


def _channel_indices(node: Node, axis: int | None) -> NDArray[np.int64]:
    """The channel of every element of a node's output."""
    count = 1 if axis is None else node.shape[axis]
    line = [count if index == axis else 1 for index in range(len(node.shape))]
    return np.broadcast_to(np.arange(count).reshape(line), node.shape)


Leaf = tuple[NDArray[np.int64], tuple[Node, ...]]
"""The channels that reach a tensor which something computes with, and who does."""


def _leaves(graph: FloatGraph, name: str, channels: NDArray[np.int64]) -> list[Leaf]:
    """Follow a site's channels through layout nodes to everyone who computes with them."""
    computing = tuple(node for node in graph.consumers[name] if not node.is_layout)
    leaves: list[Leaf] = [(np.unique(channels), computing)] if computing else []
    for node in graph.consumers[name]:
        if node.is_layout:
            leaves.extend(_leaves(graph, node.name, node.layout_op.move(channels)))
    return leaves


def _groups(count: int, leaves: list[Leaf]) -> tuple[NDArray[np.int64], list[tuple[Node, ...]]]:
    """Channels that meet in one leaf share a group: the parts of a qkv projection are groups of their
    own. Leaves that overlap make one group of everything. Returns each channel's group and each
    group's readers."""
    groups = np.full(count, -1, np.int64)
    for index, (channels, _) in enumerate(leaves):
        if (groups[channels] >= 0).any():
            return np.zeros(count, np.int64), [tuple(node for _, readers in leaves for node in readers)]
        groups[channels] = index
    found = [readers for _, readers in leaves]
    if (groups < 0).any():  # channels that nobody reads must not widen anyone's range
        groups[groups < 0] = len(found)
        found.append(())
    return groups, found
