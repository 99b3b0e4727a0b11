"""Gradients of the loss at every tensor of a float graph: the diagonal Fisher that weighs quantization errors.

    E[(dO)^T diag((dL/dO)^2) dO]                      Q-HyViT, arXiv 2303.12557, equations 2 and 6

L is the cross entropy of the model's own labels: over labels drawn from its output, E[(dL/dO)^2] is the diagonal of the
true Fisher. (PTQ4ViT's released code takes the divergence of the output from itself, whose gradient is rounding noise.)
A sure model draws another label than its first in few images, which then carry all the weight; so no label is drawn,
but a direction in the logits with the same covariance, diag(p) - p p^T ("labels"). "probe" draws one with the
covariance 1, so that the weights are those of the logits' squared error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.graph import FloatGraph
from bittrue.spec.errors import BadInput

GRADIENT_MIN = 1e-6
"""The largest gradient of a batch is above this, or the weights would be noise."""
Target = Literal["labels", "probe"]


@dataclass(frozen=True)
class Batch:
    """Some images' values of every tensor and the gradients there; each [images, *shape] by name."""

    values: dict[str, torch.Tensor]
    gradients: dict[str, torch.Tensor]


def batches(graph: FloatGraph, images: torch.Tensor, *, target: Target, seed: int, size: int = 4) -> Iterator[Batch]:
    """Run uint8 images [images, 3, H, W] forward and backward, a few at a time.

    Raises BadInput where all gradients of a batch vanish.
    """
    generator = torch.Generator().manual_seed(seed)
    runner = BatchRunner(graph)
    names = [node.name for node in graph.nodes]
    for start in range(0, len(images), size):
        part = images[start : start + size]

        def leaf(name: str, value: torch.Tensor) -> torch.Tensor:
            return value.requires_grad_() if name == names[0] else value

        values = runner.run({graph.input: part[:, None]}, graph.nodes, change=leaf, keep=names)
        loss = _loss(values[graph.output].flatten(1), target, generator)
        found = torch.autograd.grad(loss, [values[name] for name in names], allow_unused=True)
        gradients = {name: gradient for name, gradient in zip(names, found, strict=True) if gradient is not None}
        _check(graph, gradients)
        yield Batch({name: value.detach() for name, value in values.items()}, gradients)


def _loss(logits: torch.Tensor, target: Target, generator: torch.Generator) -> torch.Tensor:
    """Summed over images, so that every image's gradient is its own."""
    draw = (
        torch.randn(logits.shape, generator=generator) if target == "probe" else as_labels(logits.detach(), generator)
    )
    return (logits * draw).sum()


def as_labels(logits: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """sqrt(p) * r - p (sqrt(p) . r) with r normal, for logits [images, classes]: the covariance is that of p - one_hot
    of a label drawn from p = softmax(logits), the gradient of the cross entropy."""
    p = logits.softmax(1)
    scaled = p.sqrt() * torch.randn(p.shape, generator=generator)
    return scaled - p * scaled.sum(1, keepdim=True)


def _check(graph: FloatGraph, gradients: dict[str, torch.Tensor]) -> None:
    largest = max(float(gradient.abs().max()) for gradient in gradients.values())
    if not largest >= GRADIENT_MIN:
        raise BadInput(
            "the gradients of the calibration loss vanish, so they cannot weigh errors",
            where=graph.model,
            got=f"largest {largest:.3g}",
            expected=f"at least {GRADIENT_MIN:g}",
            next_step="check that the weights are trained and the images are what the model knows",
        )
