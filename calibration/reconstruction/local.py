"""One node as a small problem: sampled operands, its float output there, and how much an error there weighs.

Candidates are many and feature maps are large, so most nodes are judged at output positions drawn at random, the
same for all candidates; nodes whose output elements depend on everything (norms over an image, attention over all
keys) are judged whole, on a few images. Each kind of node says in one function what its samples are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.graph import FloatGraph, Node

ROWS_PER_IMAGE = 32
"""Output positions of a convolution, linear layer, elementwise node or row function."""
WHOLE_IMAGES = 4
"""Images of nodes and blocks that are judged whole."""


@dataclass(frozen=True)
class Sample:
    """Samples of one batch of images."""

    operands: list[torch.Tensor]
    axes: list[dict[int, int]]
    """For each operand, where its axes (of one image) lie in the samples; axes that are missing were mixed."""
    output: torch.Tensor
    gradient: torch.Tensor


@dataclass(frozen=True)
class NodeValues:
    """What one node reads and gives on one batch; tensors [images, *shape]."""

    node: Node
    inputs: Sequence[torch.Tensor]
    output: torch.Tensor
    gradient: torch.Tensor
    channel_axis: int | None
    """The axis of an elementwise node whose channels must stay apart."""


@dataclass
class LocalProblem:
    """All samples of one node over the calibration images."""

    node: Node
    samples: list[Sample] = field(default_factory=list)
    elements: int = 0
    """Output elements of all images, sampled or not."""

    def finish(self) -> LocalProblem:
        """Join the batches into one sample."""
        first = self.samples[0]
        joined = [torch.cat([s.operands[i] for s in self.samples]) for i in range(len(first.operands))]
        output, gradient = (torch.cat([getattr(s, key) for s in self.samples]) for key in ("output", "gradient"))
        self.samples = [Sample(joined, first.axes, output, gradient)]
        self.fisher = gradient.square() * (self.elements / output.numel())
        return self

    @property
    def sample(self) -> Sample:
        """The samples, after `finish`."""
        return self.samples[0]

    def run(self, runner: BatchRunner, operands: Sequence[torch.Tensor]) -> torch.Tensor:
        """The node's output for changed operands, with the runner's parameters."""
        return RUNS.get(self.node.kind, _run_whole)(self.node, runner, list(operands))


def is_whole(node: Node) -> bool:
    """Whether a node is judged on whole images."""
    return node.kind not in SAMPLERS


def sample_node(graph: FloatGraph, at_node: NodeValues, random: np.random.Generator) -> Sample:
    """Samples of one node on one batch of images."""
    sampler = SAMPLERS.get(at_node.node.kind)
    if sampler is not None:
        return sampler(graph, at_node, random)
    axes = [{axis: axis + 1 for axis in range(value.ndim - 1)} for value in at_node.inputs]
    return Sample(list(at_node.inputs), axes, at_node.output, at_node.gradient)


def _conv2d(graph: FloatGraph, at_node: NodeValues, random: np.random.Generator) -> Sample:
    """Patches [positions, channels, taps] -> [positions, output channels]."""
    node = at_node.node
    (py, px), (sy, sx) = node.integers("padding"), node.integers("stride")
    kernel_y, kernel_x = graph.parameter(node, "weight").shape[2:]
    padded = F.pad(at_node.inputs[0][:, 0], (px, px, py, py))
    height, width = node.shape[2:]
    where = random.choice(height * width, min(ROWS_PER_IMAGE, height * width), replace=False)
    y, x = torch.from_numpy(where // width), torch.from_numpy(where % width)
    rows = (y * sy)[:, None, None] + torch.arange(kernel_y)[:, None]
    columns = (x * sx)[:, None, None] + torch.arange(kernel_x)
    patches = padded[:, :, rows, columns].flatten(3).transpose(1, 2).flatten(0, 1)

    def at(value: torch.Tensor) -> torch.Tensor:
        return value[:, 0][:, :, y, x].transpose(1, 2).flatten(0, 1)

    return Sample([patches], [{1: 1}], at(at_node.output), at(at_node.gradient))


def _run_conv2d(node: Node, runner: BatchRunner, operands: list[torch.Tensor]) -> torch.Tensor:
    weight, bias = (runner.parameters[f"{node.name}/{role}"] for role in ("weight", "bias"))
    patches, groups = operands[0], node.integer("groups")
    if groups == 1:
        return torch.addmm(bias, patches.flatten(1), weight.flatten(1).t())
    parts = patches.reshape(len(patches), groups, -1)
    return torch.einsum("rgk,gok->rgo", parts, weight.reshape(groups, -1, parts.shape[2])).flatten(1) + bias


def _rows(graph: FloatGraph, at_node: NodeValues, random: np.random.Generator) -> Sample:
    """Rows along the last axis: linear, softmax, layer_norm."""
    (value,) = at_node.inputs
    count = value[0].numel() // value.shape[-1]
    where = torch.from_numpy(random.choice(count, min(ROWS_PER_IMAGE, count), replace=False))
    picked = [t.reshape(len(t), count, -1)[:, where].flatten(0, 1) for t in (value, at_node.output, at_node.gradient)]
    return Sample([picked[0]], [{value.ndim - 2: 1}], picked[1], picked[2])


def _elements(graph: FloatGraph, at_node: NodeValues, random: np.random.Generator) -> Sample:
    """Positions [positions, channels] of elementwise nodes, or [elements, 1] where no axis has channels."""
    shape, channel_axis = at_node.output.shape, at_node.channel_axis
    spread = [value.expand(shape) for value in at_node.inputs]
    channels = 1 if channel_axis is None else shape[channel_axis + 1]
    count = at_node.output[0].numel() // channels
    where = torch.from_numpy(random.choice(count, min(max(ROWS_PER_IMAGE, 1024 // channels), count), replace=False))

    def at(value: torch.Tensor) -> torch.Tensor:
        if channel_axis is not None:
            value = value.movedim(channel_axis + 1, -1)
        return value.reshape(len(value), count, channels)[:, where].flatten(0, 1)

    axes = {} if channel_axis is None else {channel_axis: 1}
    return Sample([at(value) for value in spread], [axes] * len(spread), at(at_node.output), at(at_node.gradient))


def _run_whole(node: Node, runner: BatchRunner, operands: list[torch.Tensor]) -> torch.Tensor:
    return runner.run_node(node, operands)


Sampler = Callable[[FloatGraph, NodeValues, np.random.Generator], Sample]
SAMPLERS: dict[str, Sampler] = {
    "conv2d": _conv2d,
    "linear": _rows,
    "softmax": _rows,
    "layer_norm": _rows,
    "function": _elements,
    "add": _elements,
    "mul": _elements,
}
"""Kinds of nodes that are judged at sampled positions."""
RUNS: dict[str, Callable[[Node, BatchRunner, list[torch.Tensor]], torch.Tensor]] = {"conv2d": _run_conv2d}
"""Kinds whose samples have another form than the node's own operands."""
