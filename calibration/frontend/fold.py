"""Folding: what is linear and constant at run time disappears into the neighbouring weights."""

from __future__ import annotations

import numpy as np

from bittrue.calibration.frontend.draft import GraphDraft
from bittrue.calibration.graph import Node
from bittrue.spec.errors import Unsupported
from bittrue.spec.layout import LAYOUT_OPS


def fold_batch_norms(draft: GraphDraft) -> None:
    """y = scale * conv(x) + offset becomes a convolution with scaled weights and a new bias."""
    for norm in [node for node in draft.nodes if node.kind == "batch_norm"]:
        norm = draft.node(norm.name)  # earlier folds may have renamed its input
        scale = draft.parameters[f"{norm.name}/scale"]
        offset = draft.parameters[f"{norm.name}/offset"]
        source = _sole_producer(draft, norm, ("conv2d",), through_layout=False)
        if source is None:
            raise Unsupported(
                "a batch norm that follows no convolution of its own",
                where=f"module {norm.origin}",
                got=f"input {norm.inputs[0]}",
                expected="conv2d -> batch_norm, with no other reader between",
            )
        _scale_output(draft, source, scale, offset)
        draft.update(source, origin=norm.origin)
        draft.remove(norm, instead=source.name)


def fold_scales(draft: GraphDraft) -> None:
    """A multiplication by a scalar folds into the matmul behind it, or into the weights or matmul in front."""
    for scale in [node for node in draft.nodes if node.kind == "scale"]:
        scale = draft.node(scale.name)
        factor = scale.real("factor")
        readers = _readers(draft, scale.name)
        source = _sole_producer(draft, scale, ("conv2d", "linear", "matmul"))
        if readers and all(node.kind == "matmul" for node in readers):
            for name in dict.fromkeys(node.name for node in readers):
                reader = draft.node(name)
                # Once for each operand that is this product: y @ y carries the factor twice.
                times = sum(_layout_source(draft, operand) == scale.name for operand in reader.inputs)
                draft.update(reader, scale=reader.real("scale") * factor**times)
        elif source is not None and source.kind == "matmul":
            draft.update(source, scale=source.real("scale") * factor)
        elif source is not None:
            channels = draft.parameters[f"{source.name}/bias"].shape[0]
            _scale_output(draft, source, np.full(channels, factor), np.zeros(channels))
        else:
            raise Unsupported(
                "a multiplication by a scalar that folds into no neighbour",
                where=f"module {scale.origin}",
                got=f"{scale.inputs[0]} * {factor}",
                expected="a matmul behind it, or a convolution, linear or matmul in front",
            )
        draft.remove(scale, instead=scale.inputs[0])


def _scale_output(draft: GraphDraft, node: Node, scale: np.ndarray, offset: np.ndarray) -> None:
    weight, bias = draft.parameters[f"{node.name}/weight"], draft.parameters[f"{node.name}/bias"]
    draft.parameters[f"{node.name}/weight"] = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
    draft.parameters[f"{node.name}/bias"] = bias * scale + offset


def _sole_producer(
    draft: GraphDraft, node: Node, kinds: tuple[str, ...], *, through_layout: bool = True
) -> Node | None:
    """The node in front, if it is of one of the kinds and read only here.

    through_layout: also behind layout nodes, which is right for a factor that all channels share.
    """
    name = node.inputs[0]
    while name != draft.input:
        if len(draft.consumers(name)) != 1:
            return None
        producer = draft.node(name)
        if producer.kind in kinds:
            return producer
        if not through_layout or producer.kind not in LAYOUT_OPS or producer.kind == "slice":
            return None
        name = producer.inputs[0]
    return None


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
