"""One pass through the network that fits each layer's weights and bias to what its inputs have become.

Layers are taken in order, the quantized network running beside the float one on the same images. Of each layer the
weights are moved to the least squares solution for its quantized inputs and its float outputs, held near the trained
weights by a ridge, then rounded successively (successive.py); the bias takes up the difference of the means. What
quantization did to a layer's inputs is thus made up for where it can be: rounding of weights and activations, clipped
ranges and shifted means alike. It is the closed form of what AdaRound and BRECQ descend to, for one layer's output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.channel_fold import groups_of
from bittrue.calibration.plan import QuantPlan
from bittrue.calibration.quantized_run import QuantizedRunner, folded_into
from bittrue.calibration.reconstruction.successive import damped, round_successively

IMAGES_AT_ONCE = 8
"""Whose patches are in memory together."""
POSITIONS_PER_IMAGE = 1024
"""At most, drawn at random: neighbours say nearly the same."""


@torch.no_grad()
def compensate(
    plan: QuantPlan, images: torch.Tensor, *, ridge: float, progress: Callable[[int], None] = lambda done: None
) -> dict[str, NDArray[np.generic]]:
    """Learned codes and biases of every conv2d and linear node of a plan, keyed as QuantPlan.learned.

    images: uint8 [images, 3, H, W]. ridge: how firmly the trained weights are held, as a multiple of the mean variance
    of a layer's inputs; inf moves them by rounding alone. The plan's scales stay as they are.
    """
    graph = plan.graph
    exact, rounded = BatchRunner(graph), QuantizedRunner(plan)
    live = {graph.input: (images[:, None], images[:, None])}
    readers = {name: len(nodes) for name, nodes in graph.consumers.items()}
    learned: dict[str, NDArray[np.generic]] = {}
    random = torch.Generator().manual_seed(0)
    for index, node in enumerate(graph.nodes):
        inputs = [live[name] for name in node.inputs]
        output = exact.run_node(node, [value for value, _ in inputs])
        if node.name in plan.weights:
            codes, weight, bias = _fit(plan, node, inputs[0][1], output, exact.parameters, ridge, random)
            learned[f"{node.name}/weight"] = codes
            learned[f"{node.name}/bias"] = bias.numpy()
            rounded.parameters[f"{node.name}/weight"] = weight
            rounded.parameters[f"{node.name}/bias"] = bias
        live[node.name] = (
            output,
            rounded.quantize(node.name, rounded.run_node(node, [value for _, value in inputs])),
        )
        for name in set(node.inputs):
            readers[name] -= 1
            if not readers[name]:
                del live[name]
        progress(index + 1)
    return learned


def _fit(
    plan: QuantPlan,
    node: Node,
    x: torch.Tensor,
    y: torch.Tensor,
    float_parameters: Mapping[str, torch.Tensor],
    ridge: float,
    random: torch.Generator,
) -> tuple[NDArray[np.generic], torch.Tensor, torch.Tensor]:
    """Codes of the folded weight, the weight for real inputs and the bias, float32.

    x: quantized inputs, y: float outputs, both [images, *shape].
    """
    weight = float_parameters[f"{node.name}/weight"].double()
    groups, outputs = groups_of(node), len(weight)
    moments = Moments(groups)
    positions = math.prod(node.shape) // outputs
    for start in range(0, len(x), IMAGES_AT_ONCE):
        part = slice(start, start + IMAGES_AT_ONCE)
        where = torch.randperm(positions, generator=random)[:POSITIONS_PER_IMAGE]
        moments.add(_rows(node, x[part], weight.shape, where), _outputs(node, y[part], where))
    factor = (
        torch.from_numpy(np.array(folded_into(plan, node))).expand(weight.shape).reshape(groups, outputs // groups, -1)
    )
    trained = weight.reshape(groups, outputs // groups, -1)
    wanted = trained
    if ridge < math.inf:
        residual = moments.cross - trained @ moments.covariance
        held_near = damped(moments.covariance, ridge)
        wanted = trained + torch.linalg.solve(held_near, residual.transpose(1, 2)).transpose(1, 2)
    held = plan.weights[node.name]
    scale = torch.tensor(held.scale, dtype=torch.float64).expand(outputs).reshape(groups, -1)
    # All rows of a group see the same inputs, so they have the same factors.
    fold = factor[:, 0]
    folded = damped(moments.covariance) / (fold[:, :, None] * fold[:, None, :])
    codes = round_successively(wanted * factor, folded, scale, (1 << (held.bits - 1)) - 1)
    real = codes * scale[:, :, None] / factor
    bias = moments.mean_y - (real @ moments.mean_x[:, :, None]).squeeze(2)
    kind = np.int8 if held.bits <= 8 else np.int16
    return (
        codes.reshape(weight.shape).numpy().astype(kind),
        real.reshape(weight.shape).float(),
        bias.reshape(-1).float(),
    )


class Moments:
    """Running sums of a layer's inputs [groups, rows, K] and outputs [groups, rows, O / groups].

    Inputs are counted from the mean of the first rows: products are float32, and where a mean is large beside its
    variance the difference of two large sums would be no covariance any more, with negative eigenvalues.
    """

    def __init__(self, groups: int) -> None:
        self.groups, self.count = groups, 0
        self.sums: list[torch.Tensor] = []
        self.origin = torch.zeros(())

    def add(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Count inputs [groups, rows, K] and outputs [rows, O], both float32."""
        y = y.reshape(len(y), self.groups, -1).transpose(0, 1)
        if not self.count:
            self.origin = x.mean(1, keepdim=True)
        x = x - self.origin
        found = [
            (x.transpose(1, 2) @ x).double(),
            (y.transpose(1, 2) @ x).double(),
            x.sum(1, dtype=torch.float64),
            y.sum(1, dtype=torch.float64),
        ]
        self.sums = found if not self.count else [a + b for a, b in zip(self.sums, found, strict=True)]
        self.count += x.shape[1]

    @property
    def mean_x(self) -> torch.Tensor:
        """Of the inputs, [groups, K]."""
        return self._from_origin + self.origin[:, 0]

    @property
    def _from_origin(self) -> torch.Tensor:
        return self.sums[2] / self.count

    @property
    def mean_y(self) -> torch.Tensor:
        """Of the outputs, [groups, O / groups]."""
        return self.sums[3] / self.count

    @property
    def covariance(self) -> torch.Tensor:
        """Of the inputs, [groups, K, K]."""
        return self.sums[0] / self.count - self._from_origin[:, :, None] * self._from_origin[:, None, :]

    @property
    def cross(self) -> torch.Tensor:
        """Covariance of outputs and inputs, [groups, O / groups, K]."""
        return self.sums[1] / self.count - self.mean_y[:, :, None] * self._from_origin[:, None, :]


def _rows(node: Node, x: torch.Tensor, shape: torch.Size, where: torch.Tensor) -> torch.Tensor:
    """What some output positions of each image multiply, [groups, images * positions, K]."""
    if node.kind == "linear":
        return x.reshape(len(x), -1, x.shape[-1])[:, where].reshape(1, -1, x.shape[-1])
    groups = node.integer("groups")
    if shape[2:] == (1, 1) and node.integers("stride") == (1, 1):
        patches = x[:, 0].flatten(2)[:, :, where]
    else:
        patches = torch.nn.functional.unfold(
            x[:, 0], (shape[2], shape[3]), padding=node.integers("padding"), stride=node.integers("stride")
        )[:, :, where]
    return patches.reshape(len(x), groups, -1, len(where)).permute(1, 0, 3, 2).flatten(1, 2)


def _outputs(node: Node, y: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """[images * positions, O], in the order of `_rows`."""
    if node.kind == "linear":
        return y.reshape(len(y), -1, y.shape[-1])[:, where].flatten(0, 1)
    return y[:, 0].flatten(2)[:, :, where].transpose(1, 2).flatten(0, 1)
