"""Folding of affine nodes: batch norms, layer scales, constants that are added a channel.

scale * x + offset with an entry for each index of one axis goes, exactly, into the weights in front of it, else into
those behind it, through affine nodes between. Where neither has its channels it stays a step: of an image a depthwise
convolution of one tap, whose weights have a scale a channel; of anything else a product and a sum with constants.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.frontend.draft import GraphDraft, unique
from bittrue.calibration.graph import Attribute, Node


def fold_affines(draft: GraphDraft, output: str) -> None:
    """Leave no affine node; output: the tensor that the model returns, which nobody behind it can take in."""
    while output in draft.replaced:
        output = draft.replaced[output]
    for node in [node for node in draft.nodes if node.kind == "affine"]:
        node = draft.node(node.name)  # earlier folds may have renamed its input
        if node.name != output and _into_affine(draft, node):
            continue
        if _into_front(draft, node) or (node.name != output and _into_readers(draft, node)):
            continue
        if len(node.shape) == 4 and node.integer("axis") == 1:
            _as_convolution(draft, node)
        else:
            _as_operands(draft, node)


def _into_affine(draft: GraphDraft, node: Node) -> bool:
    """Two affine nodes along one axis, one behind the other, are one."""
    readers = draft.consumers(node.name)
    if [(reader.kind, reader.attributes) for reader in readers] != [("affine", node.attributes)]:
        return False
    (scale, offset), (reader,) = _parameters(draft, node), readers
    behind, added = _parameters(draft, reader)
    draft.parameters[f"{reader.name}/scale"] = behind * scale
    draft.parameters[f"{reader.name}/offset"] = behind * offset + added
    draft.remove(node, instead=node.inputs[0])
    return True


def _into_front(draft: GraphDraft, node: Node) -> bool:
    """Scale the weights and biases of the layer in front, if nobody else reads it."""
    if node.inputs[0] == draft.input or len(draft.consumers(node.inputs[0])) != 1:
        return False
    source = draft.node(node.inputs[0])
    if not _has_channels(source, node.integer("axis"), len(node.shape)):
        return False
    scale, offset = _parameters(draft, node)
    weight, bias = draft.parameters[f"{source.name}/weight"], draft.parameters[f"{source.name}/bias"]
    draft.parameters[f"{source.name}/weight"] = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
    draft.parameters[f"{source.name}/bias"] = bias * scale + offset
    draft.update(source, origin=node.origin)
    draft.remove(node, instead=source.name)
    return True


def _into_readers(draft: GraphDraft, node: Node) -> bool:
    """Scale the weights of every layer behind along its input channels, and take the offset into its biases.

    A convolution that pads would see the offset's absence at the border.
    """
    scale, offset = _parameters(draft, node)
    readers = draft.consumers(node.name)
    if not readers or not all(_has_channels(reader, node.integer("axis"), len(node.shape)) for reader in readers):
        return False
    if offset.any() and any(reader.kind == "conv2d" and any(reader.integers("padding")) for reader in readers):
        return False
    for reader in readers:
        weight, bias = draft.parameters[f"{reader.name}/weight"], draft.parameters[f"{reader.name}/bias"]
        per_group = weight.shape[1]
        groups = reader.integer("groups") if reader.kind == "conv2d" else 1
        group = np.arange(len(weight)) // (len(weight) // groups)
        taps = [1] * (weight.ndim - 2)
        rows, offsets = (v.reshape(groups, per_group)[group].reshape(*weight.shape[:2], *taps) for v in (scale, offset))
        draft.parameters[f"{reader.name}/bias"] = bias + (weight * offsets).reshape(len(weight), -1).sum(axis=1)
        draft.parameters[f"{reader.name}/weight"] = weight * rows
    draft.remove(node, instead=node.inputs[0])
    return True


def _has_channels(layer: Node, axis: int, rank: int) -> bool:
    """Whether the channels of a layer's weights lie along an axis of its inputs and outputs."""
    return (layer.kind, axis) in (("conv2d", 1), ("linear", rank - 1))


def _as_convolution(draft: GraphDraft, node: Node) -> None:
    """One tap a channel."""
    scale, offset = _parameters(draft, node)
    attributes: dict[str, Attribute] = {"stride": (1, 1), "padding": (0, 0), "groups": len(scale)}
    parameters = {"weight": scale.reshape(-1, 1, 1, 1), "bias": offset}
    _replace(draft, node, [(Node(node.name, "conv2d", node.inputs, node.shape, node.origin, attributes), parameters)])


def _as_operands(draft: GraphDraft, node: Node) -> None:
    """A mul and an add, each with a constant tensor, where they change anything."""
    steps: list[tuple[Node, dict[str, NDArray[np.float64]]]] = []
    taken, x = {known.name for known in draft.nodes}, node.inputs[0]
    parts = [("mul", *_parameters(draft, node)[:1], 1.0), ("add", *_parameters(draft, node)[1:], 0.0)]
    parts = [part for part in parts if (part[1] != part[2]).any()] or parts[:1]
    line = [size if axis == node.integer("axis") else 1 for axis, size in enumerate(node.shape)]
    for kind, values, _ in parts:
        held = values.reshape(line) if kind == "mul" else np.broadcast_to(values.reshape(line), node.shape)
        constant = unique(f"{node.name}.{'scale' if kind == 'mul' else 'offset'}", taken)
        name = node.name if kind == parts[-1][0] else unique(f"{node.name}.{kind}", taken)
        taken |= {constant, name}
        steps.append((Node(constant, "constant", (), held.shape, node.origin), {"values": np.ascontiguousarray(held)}))
        steps.append((Node(name, kind, (x, constant), node.shape, node.origin), {}))
        x = name
    _replace(draft, node, steps)


def _replace(draft: GraphDraft, node: Node, steps: list[tuple[Node, dict[str, NDArray[np.float64]]]]) -> None:
    """Put nodes in the place of one; the last bears its name."""
    for role in ("scale", "offset"):
        del draft.parameters[f"{node.name}/{role}"]
    index = draft.nodes.index(node)
    draft.nodes[index : index + 1] = [step for step, _ in steps]
    for step, parameters in steps:
        draft.parameters.update({f"{step.name}/{role}": array for role, array in parameters.items()})


def _parameters(draft: GraphDraft, node: Node) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return draft.parameters[f"{node.name}/scale"], draft.parameters[f"{node.name}/offset"]
