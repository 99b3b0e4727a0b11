"""Run a FloatGraph on many images at once, with gradients: what the calibration methods compute with.

Every tensor has a leading axis of images in front of the shape of its node: [images, *node.shape].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch

from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.graph import FloatGraph, Node
from bittrue.spec.layout import LAYOUT_OPS

Change = Callable[[str, torch.Tensor], torch.Tensor]
"""(name of a tensor, its value) -> what its readers shall see."""


class BatchRunner(FloatRunner):
    """FloatRunner for tensors with a leading axis of images; parameters may be replaced, and need no copy."""

    def __init__(self, graph: FloatGraph, *, parameters: Mapping[str, torch.Tensor] | None = None) -> None:
        super().__init__(graph)
        self.parameters.update(parameters or {})

    def run(
        self,
        live: dict[str, torch.Tensor],
        nodes: Iterable[Node],
        *,
        change: Change = lambda name, value: value,
        keep: Iterable[str] = (),
    ) -> dict[str, torch.Tensor]:
        """Run some nodes in order on what is live and return the tensors to keep, by name.

        live: the inputs of the nodes that the nodes do not produce themselves. change: applied to the output of
        every node that runs, before its readers see it. A tensor is dropped behind its last reader.
        """
        nodes, kept = list(nodes), set(keep)
        last = {name: index for index, node in enumerate(nodes) for name in node.inputs}
        live, found, images = dict(live), {}, len(next(iter(live.values())))
        for index, node in enumerate(nodes):
            value = self.run_node(node, [live[name] for name in node.inputs])
            if node.kind == "constant":
                value = value.expand(images, *node.shape)
            value = change(node.name, value)
            if node.name in kept:
                found[node.name] = value
            live[node.name] = value
            for name in {*node.inputs, node.name}:
                if last.get(name, -1) <= index:
                    live.pop(name, None)
        return found

    def forward(self, images: torch.Tensor, *, change: Change = lambda name, value: value) -> torch.Tensor:
        """Logits [images, classes] of uint8 images [images, 3, H, W]."""
        output = self.graph.output
        found = self.run({self.graph.input: images[:, None]}, self.graph.nodes, change=change, keep=[output])
        return found[output].flatten(1)

    def run_node(self, node: Node, x: list[torch.Tensor]) -> torch.Tensor:
        """One node on its input tensors, each [images, *shape]."""
        if node.kind in LAYOUT_OPS:
            return _layout(node, x[0])
        if node.kind == "concat":
            return torch.cat(x, dim=node.integer("axis") + 1)
        if node.kind in ("conv2d", "group_norm", "avg_pool2d"):
            # These take exactly one axis in front of the channels, which is 1 in every node's shape.
            return super().run_node(node, [value.flatten(0, 1) for value in x]).unsqueeze(1)
        return super().run_node(node, x)


def _layout(node: Node, x: torch.Tensor) -> torch.Tensor:
    if node.kind == "reshape":
        return x.reshape(len(x), *node.shape)
    if node.kind == "permute":
        return x.permute(0, *(axis + 1 for axis in node.integers("axes")))
    start = node.integer("start")
    return x.narrow(node.integer("axis") + 1, start, node.integer("stop") - start)
