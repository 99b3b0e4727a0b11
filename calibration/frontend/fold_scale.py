"""Folding of a multiplication by a number: it goes to whoever is linear beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bittrue.calibration.frontend.draft import GraphDraft
from bittrue.calibration.graph import Node
from bittrue.spec.layout import LAYOUT_OPS


def fold_scales(draft: GraphDraft) -> None:
    """Into the matmul behind it, or into the weights, matmul or constant in front, on both sides of a sum.

    What folds nowhere becomes an affine node.
    """
    for scale in [node for node in draft.nodes if node.kind == "scale"]:
        scale = draft.node(scale.name)
        factor = scale.real("factor")
        readers = _readers(draft, scale.name)
        if readers and all(node.kind == "matmul" for node in readers):
            for name in dict.fromkeys(node.name for node in readers):
                reader = draft.node(name)
                # Once for each operand that is this product: y @ y carries the factor twice.
                times = sum(_layout_source(draft, operand) == scale.name for operand in reader.inputs)
                draft.update(reader, scale=reader.real("scale") * factor**times)
        elif (sources := _sources(draft, scale.inputs[0])) is not None:
            for name in dict.fromkeys(sources):
                _multiply(draft, draft.node(name), factor)
        else:
            _as_affine(draft, scale, factor)
            continue
        draft.remove(scale, instead=scale.inputs[0])


def _sources(draft: GraphDraft, name: str) -> list[str] | None:
    """The nodes to multiply so that a tensor is multiplied; None where one cannot be, or is read elsewhere too."""
    if name == draft.input or len(draft.consumers(name)) != 1:
        return None
    node = draft.node(name)
    if node.kind in ("conv2d", "linear", "matmul", "constant"):
        return [name]
    if node.kind in ("reshape", "permute"):
        return _sources(draft, node.inputs[0])
    if node.kind in ("add", "sub"):
        left, right = (_sources(draft, operand) for operand in node.inputs)
        return None if left is None or right is None else left + right
    return None


def _multiply(draft: GraphDraft, node: Node, factor: float) -> None:
    if node.kind == "matmul":
        draft.update(node, scale=node.real("scale") * factor)
        return
    for role in ("values",) if node.kind == "constant" else ("weight", "bias"):
        draft.parameters[f"{node.name}/{role}"] = draft.parameters[f"{node.name}/{role}"] * factor


def _as_affine(draft: GraphDraft, scale: Node, factor: float) -> None:
    axis = 1 if len(scale.shape) == 4 else len(scale.shape) - 1
    draft.nodes[draft.nodes.index(scale)] = replace(scale, kind="affine", attributes={"axis": axis})
    draft.parameters[f"{scale.name}/scale"] = np.full(scale.shape[axis], factor)
    draft.parameters[f"{scale.name}/offset"] = np.zeros(scale.shape[axis])


def _readers(draft: GraphDraft, name: str) -> list[Node]:
    """The nodes that compute with a tensor, seen through layout nodes."""
    found: list[Node] = []
    for node in draft.consumers(name):
        found.extend(_readers(draft, node.name) if node.kind in LAYOUT_OPS else [node])
    return found


def _layout_source(draft: GraphDraft, name: str) -> str:
    """The tensor whose values a tensor holds, seen through layout nodes."""
    while name != draft.input and draft.node(name).kind in LAYOUT_OPS:
        name = draft.node(name).inputs[0]
    return name
