"""Gradients at every tensor of a float graph for several directions in its logits, of one forward pass.

Each direction u has an expectation over its draws that makes E[(u . J dO)^2] a loss of second order, J being the
Jacobian of the logits towards a tensor's error dO:

    drawn_label     the cross entropy's, of one label drawn from the model's own output: E[u u^T] = diag(p) - p p^T,
                    the Fisher of the logits
    as_labels       the same E[u u^T] without a label; what calibration weighs errors by (reconstruction/fisher.py).
                    A sure model draws another label than its first in few images, so a mean over few draws of
                    drawn_label is far from its expectation; this one is not
    logit_error     u normal, E[u u^T] = 1: the squared error of the logits ("probe" in reconstruction/fisher.py)
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.graph import FloatGraph

Direction = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
"""Logits [images, classes] -> u of the same shape."""


def drawn_label(logits: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """p - one_hot(label): the gradient of the cross entropy."""
    p = logits.softmax(1)
    labels = torch.multinomial(p, 1, generator=generator)
    return p.scatter_add(1, labels, -torch.ones_like(p))


def logit_error(logits: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Any direction is as good as any other."""
    return torch.randn(logits.shape, generator=generator)


class Gradients:
    """The values of every tensor for some images [images, 3, H, W], and gradients there for any direction."""

    def __init__(self, graph: FloatGraph, images: torch.Tensor, seed: int) -> None:
        self.names = [node.name for node in graph.nodes]
        self.generator = torch.Generator().manual_seed(seed)

        def leaf(name: str, value: torch.Tensor) -> torch.Tensor:
            return value.requires_grad_() if name == self.names[0] else value

        # The image's own tensor comes first: all others depend on it, so all have gradients.
        live = {graph.input: images[:, None]}
        self._tracked = BatchRunner(graph).run(live, graph.nodes, change=leaf, keep=self.names)
        self.values = {name: value.detach() for name, value in self._tracked.items()}
        self._logits = self._tracked[graph.output].flatten(1)
        self.logits = self._logits.detach()

    def draw(self, direction: Direction) -> dict[str, torch.Tensor]:
        """The gradients of u . logits, each [images, *shape] and of its own image alone, for one draw of u."""
        u = direction(self.logits, self.generator)
        tensors = [self._tracked[name] for name in self.names]
        found = torch.autograd.grad((self._logits * u).sum(), tensors, retain_graph=True, allow_unused=True)
        return {name: gradient for name, gradient in zip(self.names, found, strict=True) if gradient is not None}
