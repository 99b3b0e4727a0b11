"""The errors of one bridge block's layers at its ends: of each alone, of every two as a product, and of all together.

With dO_i what quantizing source i alone does to the ends, equation 6 of Q-HyViT (arXiv 2303.12557) says of all
together, to first order in dO = sum of dO_i:

    E[dO^T diag(g^2) dO] = sum_i E[dO_i^T diag(g^2) dO_i] + sum_{i != j} E[dO_i^T diag(g^2) dO_j]

A search that judges each layer at its own output sees the first sum alone; one that judges the block sees both.
g^2 is the mean square over draws of as_labels (reconstruction/fisher.py), whose expectation is that of drawn labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.bridge import Bridge
from bittrue.calibration.fake_quantize import fake_quantize_like
from bittrue.calibration.plan import QuantPlan
from bittrue.calibration.quantized_run import QuantizedRunner
from bittrue.calibration.reconstruction.fisher import as_labels
from bittrue.workflow.studies.error_sources import copying_concats
from bittrue.workflow.studies.gradients import Gradients

DRAWS = 8
"""Of the gradient's direction, for each image."""
Values = Mapping[str, torch.Tensor]


def block_sources(plan: QuantPlan, bridge: Bridge) -> tuple[str, ...]:
    """What a plan quantizes in a block, in order: tensors that its nodes read, and weights as "NODE/weight".

    The same for all plans of a graph: a concat that copies codes is a source without an error.
    """
    graph, found = plan.graph, []
    for name in bridge.nodes:
        node = graph.by_name[name]
        if not node.is_layout:
            found += [source for source in map(graph.source, node.inputs) if source in plan.tensors]
        if name in plan.weights:
            found.append(f"{name}/weight")
    return tuple(dict.fromkeys(found))


def width_of(plan: QuantPlan, bridge: Bridge) -> int:
    """Numbers that `block_errors` gives of one block."""
    return len(block_sources(plan, bridge)) ** 2 + 1


def block_errors(
    plans: Sequence[QuantPlan], bridges: Sequence[Bridge], images: NDArray[np.uint8], seed: int
) -> NDArray[np.float64]:
    """Of every plan of one graph and some images [images, 3, H, W]: float64 [images, plans, numbers].

    Numbers, a block after another: the products of its sources' errors [sources, sources], and the error of all
    together.
    """
    graph = plans[0].graph
    gradients = Gradients(graph, torch.from_numpy(images), seed)
    fisher = _fisher(gradients, {name for bridge in bridges for name in bridge.ends})
    exact = BatchRunner(graph)
    found = [
        np.concatenate(
            [_Block(plan, bridge, exact, rounded).errors(gradients.values, fisher) for bridge in bridges], axis=1
        )
        for plan in plans
        for rounded in (QuantizedRunner(plan),)
    ]
    return np.stack(found, axis=1)


def _fisher(gradients: Gradients, names: set[str]) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for _ in range(DRAWS):
        taken = gradients.draw(as_labels)
        for name in names:
            square = taken[name].square() / DRAWS
            found[name] = found[name] + square if name in found else square
    return found


class _Block:
    """One block under one plan."""

    def __init__(self, plan: QuantPlan, bridge: Bridge, exact: BatchRunner, rounded: QuantizedRunner) -> None:
        self.plan, self.bridge, self.graph = plan, bridge, plan.graph
        self.nodes = [self.graph.by_name[name] for name in bridge.nodes]
        self.sources = block_sources(plan, bridge)
        self.exact, self.rounded = exact.parameters, rounded.parameters
        self.copies = copying_concats(plan)
        self.runner = BatchRunner(self.graph)

    @torch.no_grad()
    def errors(self, values: Values, fisher: Values) -> NDArray[np.float64]:
        """[images, width_of]."""
        float_ends = self._ends(values, frozenset())
        single, every = (
            [self._error(self._ends(values, frozenset(some)), float_ends, fisher) for some in sets]
            for sets in ([[source] for source in self.sources], [self.sources])
        )
        stacked = torch.stack(single, dim=1)
        products = (stacked @ stacked.transpose(1, 2)).flatten(1)
        return np.asarray(torch.cat([products, every[0].square().sum(1, keepdim=True)], dim=1).numpy())

    def _error(self, ends: Values, float_ends: Values, fisher: Values) -> torch.Tensor:
        """Errors at all ends times the root of their weights, float64 [images, elements]."""
        parts = [(ends[n].double() - float_ends[n].double()) * fisher[n].double().sqrt() for n in self.bridge.ends]
        return torch.cat([part.flatten(1) for part in parts], dim=1)

    def _ends(self, values: Values, on: frozenset[str]) -> dict[str, torch.Tensor]:
        """The block's ends as it computes them, before anyone stores them, with some sources quantized."""
        rounded = {key: self.rounded[key] for source in on for key in _parameters(source) if key in self.rounded}
        self.runner.parameters = {**self.exact, **rounded}
        found: dict[str, torch.Tensor] = {}

        def store(name: str, value: torch.Tensor) -> torch.Tensor:
            if name in self.bridge.ends:
                found[name] = value
            return self._stored(name, value, on)

        outside = {name for node in self.nodes for name in node.inputs if name not in self.bridge.nodes}
        self.runner.run({name: self._read(name, values, on) for name in outside}, self.nodes, change=store)
        return found

    def _read(self, name: str, values: Values, on: frozenset[str]) -> torch.Tensor:
        """A tensor from outside the block as its readers see it, through layout nodes."""
        node = self.graph.by_name[name]
        if node.is_layout:
            return self.runner.run_node(node, [self._read(node.inputs[0], values, on)])
        return self._stored(name, values[name], on)

    def _stored(self, name: str, value: torch.Tensor, on: frozenset[str]) -> torch.Tensor:
        """A tensor as its codes say it, where it is quantized now; copied codes have been quantized before."""
        quantized = name in on and name not in self.copies
        return fake_quantize_like(value, self.plan.tensors[name]) if quantized else value


def _parameters(source: str) -> tuple[str, ...]:
    """Of a weight, what is learned with it."""
    node, _, role = source.rpartition("/")
    return (source, f"{node}/bias") if role == "weight" else ()
