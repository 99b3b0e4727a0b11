"""A small network whose plan has a scale a channel wherever one may stand, for the tests of folding and resnapping.

Calibration may choose other scales; these come from each channel's own smallest and largest value.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from small_models import PREPROCESSING, pictures
from torch import nn

from bittrue.calibration.calibrate import calibrate_graph
from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.frontend.export import export_graph
from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import QuantPlan, TensorPlan
from bittrue.calibration.quantize import Range, plan_weight, scale_and_zero_point


class Joined(nn.Module):
    """Channels of very different ranges through a residual, a concatenation, padded, grouped and depthwise filters,
    both norms and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=8, padding=1)
        self.expand = nn.Conv2d(8, 8, 3, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.project = nn.Conv2d(8, 8, 1)
        self.mix = nn.Conv2d(16, 8, 3, padding=1, groups=2)
        self.group_norm = nn.GroupNorm(1, 8)
        self.point = nn.Conv2d(8, 6, 1)
        self.layer_norm = nn.LayerNorm(6)
        self.feed = nn.Linear(6, 6)
        self.fc = nn.Linear(6, 5)
        for name, layer in self.named_children():  # channels of one tensor differ by more than a power of ten
            if name != "fc":
                weight = layer.get_parameter("weight").data
                weight *= torch.linspace(0.3, 4, len(weight)).reshape(-1, *[1] * (weight.ndim - 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.silu(self.stem(x))
        y = nn.functional.silu(self.depthwise(nn.functional.relu(self.expand(x))))
        y = x + self.project(y)
        x = self.group_norm(self.mix(torch.cat([y, x], dim=1)))
        x = self.point(x)
        tokens = self.feed(self.layer_norm(x.flatten(2).transpose(1, 2)))
        return self.fc(nn.functional.adaptive_avg_pool2d(tokens.transpose(1, 2).reshape(1, 6, 8, 8), 1).flatten(1))


ALIKE = ("silu", "project", "add")
"""The tensors of the residual: they share their scales, symmetric."""
SYMMETRIC = ("group_norm", "layer_norm", *ALIKE)
CHANNELS = ("input", "stem", "expand", "relu", "depthwise", "silu_1", *SYMMETRIC)
"""What gets a scale a channel of its own; the concatenation gets those of its inputs."""


def joined_graph() -> FloatGraph:
    """The float graph of `Joined` with random weights."""
    torch.manual_seed(1)
    return export_graph(Joined().eval(), model="joined", side=64, mean=(0.0,) * 3, std=(1.0,) * 3)


def joined_plan(*, channels: bool = True, same_zero_points: bool = False) -> QuantPlan:
    """A plan of `Joined`; without `channels` with one scale a tensor, as calibration makes it."""
    graph, options = joined_graph(), CalibrationOptions()
    plan = calibrate_graph(graph, pictures(4), PREPROCESSING, options, {"made": "test"})
    if not channels:
        return plan
    ranges, tensors = channel_ranges(graph), dict(plan.tensors)
    shared = np.abs(np.stack([ranges[name] for name in ALIKE])).max(axis=(0, 1))
    for name in CHANNELS:
        low, high = (-shared, shared) if name in ALIKE else ranges[name]
        tensors[name] = of_channels(tensors[name], low, high, symmetric=name in SYMMETRIC or same_zero_points,
                                    axis=len(graph.shape_of(name)) - 1 if name == "layer_norm" else 1)  # fmt: skip
    tensors["cat"] = joined(tensors["add"], tensors["silu"])
    weights = {
        node.name: plan_weight(graph, node, lambda rows: np.abs(rows).max(axis=1), tensors, bits=options.weight_bits)
        for node in graph.nodes
        if node.name in plan.weights
    }
    return replace(plan, tensors=tensors, weights=weights)


def channel_ranges(graph: FloatGraph) -> dict[str, NDArray[np.float64]]:
    """The smallest and the largest value of each channel of the tensors that get a scale a channel, [2, channels]."""
    seen: dict[str, list[NDArray[np.float64]]] = {name: [] for name in CHANNELS}
    for image in pictures(4):
        for name, tensor in FloatRunner(graph).tensors(image[None]):
            if name in seen:
                axis = -1 if name == "layer_norm" else 1
                lines = np.moveaxis(tensor.numpy().astype(np.float64), axis, 0).reshape(tensor.shape[axis], -1)
                seen[name].append(np.stack([lines.min(axis=1), lines.max(axis=1)]))
    return {name: np.stack([np.min(each, 0)[0], np.max(each, 0)[1]]) for name, each in seen.items()}


def of_channels(
    tensor: TensorPlan, low: NDArray[np.float64], high: NDArray[np.float64], *, symmetric: bool, axis: int
) -> TensorPlan:
    """The tensor's plan with a scale for each channel's range, 0 a code."""
    pairs = [
        scale_and_zero_point(Range(*ends), tensor.bits, symmetric=symmetric, with_zero=True)
        for ends in zip(low.tolist(), high.tolist(), strict=True)
    ]
    return TensorPlan(
        tensor.bits,
        tuple(scale for scale, _ in pairs),
        tuple(zero for _, zero in pairs),
        axis,
        "symmetric" if symmetric else "asymmetric",
        tuple(low.tolist()),
        tuple(high.tolist()),
    )


def joined(*parts: TensorPlan) -> TensorPlan:
    """The plan of tensors one behind the other along the axis of their scales."""
    first = parts[0]
    return replace(
        first,
        **{
            field: tuple(value for part in parts for value in getattr(part, field))
            for field in ("scale", "zero_point", "low", "high")
        },
    )
