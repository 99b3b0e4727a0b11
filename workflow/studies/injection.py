"""The error of one tensor at a time injected into the float network: what is estimated of the loss, and what it
becomes.

    E[L(O + dO)] - E[L(O)] ~ 1/2 E[dO^T H dO]              Q-HyViT, arXiv 2303.12557, equation 2
    H ~ E[g g^T] ~ diag(E[g^2]), g = dL/dO                  equation 6 (without the 1/2: it only orders candidates)

dO is the quantization error of a tensor times a factor; of a weight, what it does to its layer's output. The true loss
is that of the float network run on from there. The two steps from equation 2 to 6 are kept apart: a "full" estimate is
of E[g g^T], a "diagonal" one of diag(E[g^2]). Of the squared error of the logits the estimate has no 1/2: with J the
Jacobian, (J dO)^T (J dO) is that error itself, to first order in dO.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.graph import FloatGraph, Node
from bittrue.calibration.plan import QuantPlan
from bittrue.calibration.quantized_run import QuantizedRunner
from bittrue.calibration.reconstruction.fisher import as_labels
from bittrue.workflow.studies.error_sources import ErrorSource, source_error
from bittrue.workflow.studies.gradients import Direction, Gradients, drawn_label, logit_error

DRAWS = 8
"""Of as_labels and logit_error, for each image; drawn_label has one."""
ESTIMATES = ("drawn", "kl diagonal", "kl full", "squared diagonal", "squared full")
TRUTHS = ("kl", "cross_entropy", "squared")
Sums = dict[str, tuple[torch.Tensor, torch.Tensor]]
"""By source: sums over elements of g^2 dO^2, and squared sums of g dO; means over draws, each [images]."""


def column(name: str, factor: int | None = None) -> int:
    """Where a quantity stands in the last axis of `injected`: an estimate, or a truth at the factor of some index."""
    return ESTIMATES.index(name) if factor is None else len(ESTIMATES) + factor * len(TRUTHS) + TRUTHS.index(name)


def injected(
    plan: QuantPlan,
    sources: Sequence[ErrorSource],
    factors: Sequence[float],
    images: NDArray[np.uint8],
    seed: int,
    *,
    progress: Callable[[int], None] = lambda done: None,
) -> NDArray[np.float64]:
    """Everything about some images [images, 3, H, W]: float64 [images, sources + 1, columns], see `column`.

    Estimates are those at factor 1. The last line has no source: its truths are what float32 instead of float64 does
    to the losses, the same at every factor. progress: gets the number of sources that are done.
    """
    graph, pixels = plan.graph, torch.from_numpy(images)
    exact, quantized = BatchRunner(graph), QuantizedRunner(plan)
    found = np.zeros((len(images), len(sources) + 1, len(ESTIMATES) + len(factors) * len(TRUTHS)))
    gradients = Gradients(graph, pixels, seed)
    with torch.no_grad():
        errors = {s.name: source_error(s, plan, gradients.values, exact, quantized) for s in sources}
    drawn = _estimates(gradients, sources, errors, drawn_label, 1)
    expected, probed = (_estimates(gradients, sources, errors, each, DRAWS) for each in (as_labels, logit_error))
    floor = _losses(_precise_logits(graph, pixels), gradients.logits)
    for at in range(len(factors)):
        found[:, -1, column("kl", at) : column("squared", at) + 1] = floor
    for index, source in enumerate(sources):
        found[:, index, : len(ESTIMATES)] = np.stack(
            [
                0.5 * drawn[source.name][0],
                *(0.5 * each for each in expected[source.name]),
                *probed[source.name],
            ],
            axis=1,
        )
        nodes = _behind(graph, source.place)
        for at, factor in enumerate(factors):
            value = gradients.values[source.place] + factor * errors[source.name]
            logits = _logits_behind(exact, nodes, source.place, value, gradients.values)
            found[:, index, column("kl", at) : column("squared", at) + 1] = _losses(gradients.logits, logits)
        progress(index + 1)
    return found


def _estimates(
    gradients: Gradients,
    sources: Sequence[ErrorSource],
    errors: Mapping[str, torch.Tensor],
    direction: Direction,
    draws: int,
) -> Sums:
    found: Sums = {}
    for _ in range(draws):
        taken = gradients.draw(direction)
        for source in sources:
            if source.place not in taken:
                continue
            products = (taken[source.place] * errors[source.name]).flatten(1).double()
            diagonal, full = products.square().sum(1) / draws, products.sum(1).square() / draws
            held = found.get(source.name)
            found[source.name] = (diagonal, full) if held is None else (held[0] + diagonal, held[1] + full)
    nothing = torch.zeros(len(gradients.logits), dtype=torch.float64)
    return {source.name: found.get(source.name, (nothing, nothing)) for source in sources}


def _behind(graph: FloatGraph, place: str) -> list[Node]:
    """The nodes that depend on a tensor."""
    stale, found = {place}, []
    for node in graph.nodes:
        if any(name in stale for name in node.inputs):
            stale.add(node.name)
            found.append(node)
    return found


@torch.no_grad()
def _logits_behind(
    runner: BatchRunner, nodes: Sequence[Node], place: str, value: torch.Tensor, values: Mapping[str, torch.Tensor]
) -> torch.Tensor:
    """The logits [images, classes] where one tensor has another value."""
    if not nodes:
        return value.flatten(1)
    fresh = {node.name for node in nodes}
    live = {name: values[name] for node in nodes for name in node.inputs if name in values and name not in fresh}
    output = runner.graph.output
    return runner.run({**live, place: value}, nodes, keep=[output])[output].flatten(1)


@torch.no_grad()
def _precise_logits(graph: FloatGraph, images: torch.Tensor) -> torch.Tensor:
    """Logits of the same graph in float64."""
    runner = BatchRunner(graph)
    runner.dtype = torch.float64
    runner.parameters = {name: value.double() for name, value in runner.parameters.items()}
    return runner.forward(images)


def _losses(before: torch.Tensor, after: torch.Tensor) -> NDArray[np.float64]:
    """TRUTHS of logits [images, classes] that have changed, [images, TRUTHS]."""
    log_p, log_q = (logits.double().log_softmax(1) for logits in (before, after))
    first = log_p.argmax(1, keepdim=True)
    return np.stack(
        [
            (log_p.exp() * (log_p - log_q)).sum(1).numpy(),
            (log_p - log_q).gather(1, first).squeeze(1).numpy(),
            (after.double() - before.double()).square().sum(1).numpy(),
        ],
        axis=1,
    )
