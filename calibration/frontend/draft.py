"""GraphDraft: the float graph while the front end still rewrites it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import Attribute, FloatGraph, Node


@dataclass
class GraphDraft:
    """Nodes in execution order, float64 parameters, and the tensors that turned out to be others."""

    model: str
    input: str
    input_shape: tuple[int, ...]
    nodes: list[Node] = field(default_factory=list)
    parameters: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    """Removed nodes and the tensors that took their places."""

    def add(self, node: Node, **parameters: NDArray[np.float64]) -> str:
        """Append a node with its parameters and return its name."""
        self.nodes.append(node)
        for role, array in parameters.items():
            self.parameters[f"{node.name}/{role}"] = array
        return node.name

    def node(self, name: str) -> Node:
        """The node of that name."""
        return next(node for node in self.nodes if node.name == name)

    def consumers(self, name: str) -> list[Node]:
        """The nodes that read a tensor."""
        return [node for node in self.nodes if name in node.inputs]

    def update(self, node: Node, *, origin: str | None = None, **attributes: Attribute) -> None:
        """Replace a node by itself with other attributes or origin."""
        changed = replace(node, origin=origin or node.origin, attributes={**node.attributes, **attributes})
        self.nodes[self.nodes.index(node)] = changed

    def remove(self, node: Node, instead: str) -> None:
        """Take a node out; whoever read it reads `instead`."""
        self.nodes.remove(node)
        for key in [key for key in self.parameters if key.rpartition("/")[0] == node.name]:
            del self.parameters[key]
        self.replaced[node.name] = instead
        self.redirect(node.name, instead)

    def redirect(self, old: str, new: str) -> None:
        """Make every reader of `old` read `new`."""
        self.nodes = [
            replace(node, inputs=tuple(new if name == old else name for name in node.inputs))
            if old in node.inputs
            else node
            for node in self.nodes
        ]

    def finish(self, output: str) -> FloatGraph:
        """Freeze the draft: drop nodes that do not lead to `output`, round parameters to float32."""
        while output in self.replaced:
            output = self.replaced[output]
        needed = {output}
        kept: list[Node] = []
        for node in reversed(self.nodes):
            if node.name in needed:
                kept.append(node)
                needed.update(node.inputs)
        kept.reverse()
        names = {node.name for node in kept}
        parameters = {
            key: array.astype(np.float32) for key, array in self.parameters.items() if key.rpartition("/")[0] in names
        }
        return FloatGraph(self.model, self.input, self.input_shape, tuple(kept), parameters)


def unique(name: str, taken: Sequence[str] | set[str]) -> str:
    """The name, or the name with the first free number behind it."""
    if name not in taken:
        return name
    count = 1
    while f"{name}_{count}" in taken:
        count += 1
    return f"{name}_{count}"
