"""A block of nodes judged at its ends: what Q-HyViT does with bridge blocks (arXiv 2303.12557, equation 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.bridge import Bridge
from bittrue.calibration.graph import FloatGraph, Node


@dataclass
class BlockProblem:
    """The float values around one block on a few images."""

    bridge: Bridge
    nodes: tuple[Node, ...]
    inputs: dict[str, torch.Tensor]
    ends: dict[str, torch.Tensor]
    fisher: dict[str, torch.Tensor]
    prefix: dict[str, torch.Tensor] = field(default_factory=dict)
    """Values of the block's tensors under the current state, for runs that start in its middle."""

    @classmethod
    def of(
        cls,
        graph: FloatGraph,
        bridge: Bridge,
        values: Mapping[str, torch.Tensor],
        gradients: Mapping[str, torch.Tensor],
        images: int,
    ) -> BlockProblem:
        """From values and gradients of some images; images: how many there are in all, whom these stand for."""
        nodes = tuple(graph.by_name[name] for name in bridge.nodes)
        inputs = {name: values[name] for node in nodes for name in node.inputs if name not in bridge.nodes}
        weigh = images / len(values[bridge.ends[0]])
        fisher = {name: gradients[name].square() * weigh for name in bridge.ends}
        return cls(bridge, nodes, inputs, {name: values[name] for name in bridge.ends}, fisher)

    def prepare(self, runner: BatchRunner, quantize: Callable[[str, torch.Tensor], torch.Tensor]) -> None:
        """Run the block once under the current state and keep every tensor, before its own quantization."""
        self.prefix = {}

        def remember(name: str, value: torch.Tensor) -> torch.Tensor:
            self.prefix[name] = value
            return quantize(name, value)

        live = {name: quantize(name, value) for name, value in self.inputs.items()}
        runner.run(live, self.nodes, change=remember)

    def error(
        self, runner: BatchRunner, quantize: Callable[[str, torch.Tensor], torch.Tensor], changed: str, *, weight: bool
    ) -> float:
        """Fisher-weighted squared error at the ends when one tensor, or one node's weight, changed since `prepare`.

        changed: a tensor of the block or one of its inputs; with weight, a node whose parameters changed.
        """
        stale = {changed}
        run: list[Node] = []
        for node in self.nodes:
            if any(name in stale for name in node.inputs) or (weight and node.name == changed):
                run.append(node)
                stale.add(node.name)
        fresh = {node.name for node in run}
        sources = {**self.inputs, **self.prefix}
        live = {name: quantize(name, sources[name]) for node in run for name in node.inputs if name not in fresh}
        ends = [name for name in self.ends if name in fresh]
        # The ends themselves are judged as the block computes them, before anyone stores them.
        found: dict[str, torch.Tensor] = {}

        def watch(name: str, value: torch.Tensor) -> torch.Tensor:
            if name in ends:
                found[name] = value
            return quantize(name, value)

        runner.run(live, run, change=watch)
        return sum(
            float(((value - self.ends[name]).square() * self.fisher[name]).sum()) for name, value in found.items()
        )
