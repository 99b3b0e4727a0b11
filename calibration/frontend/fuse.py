"""Fusing: two ATen ops that the integer machine does as one."""

from __future__ import annotations

from dataclasses import replace

from bittrue.calibration.frontend.draft import GraphDraft
from bittrue.spec.errors import Unsupported


def fuse_weighted_sums(draft: GraphDraft) -> None:
    """mul followed by a sum over the last axis is one weighted_sum: the product is never stored."""
    for total in [node for node in draft.nodes if node.kind == "sum"]:
        total = draft.node(total.name)
        product = draft.node(total.inputs[0])
        if product.kind != "mul" or len(draft.consumers(product.name)) != 1:
            raise Unsupported(
                "a sum that is not of a product",
                where=f"module {total.origin}",
                got=f"sum of {product.kind}",
                expected="(a * b).sum(-1, keepdim=True)",
            )
        fused = replace(total, kind="weighted_sum", inputs=product.inputs)
        draft.nodes[draft.nodes.index(total)] = fused
        draft.nodes.remove(product)


def fuse_parallel_linears(draft: GraphDraft) -> None:
    """The sum of two linear layers of one input is one linear layer: W x + V x = (W + V) x."""
    for total in [node for node in draft.nodes if node.kind == "add"]:
        total = draft.node(total.name)
        layers = [draft.node(name) for name in total.inputs if name != draft.input]
        alike = len({(layer.kind, layer.inputs) for layer in layers}) == 1 and layers[0].kind == "linear"
        if not alike or len(set(total.inputs)) != 2 or any(len(draft.consumers(layer.name)) != 1 for layer in layers):
            continue
        for role in ("weight", "bias"):
            left, right = (draft.parameters[f"{layer.name}/{role}"] for layer in layers)
            draft.parameters[f"{total.name}/{role}"] = left + right
        draft.nodes[draft.nodes.index(total)] = replace(total, kind="linear", inputs=layers[0].inputs)
        draft.nodes = [node for node in draft.nodes if node not in layers]
