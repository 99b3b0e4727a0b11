"""Run a FloatGraph in torch, tensor by tensor: what calibration observes and `compare` compares with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from numpy.typing import NDArray

from bittrue.calibration.graph import FloatGraph, Node
from bittrue.spec.layout import LAYOUT_OPS

FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "relu": F.relu,
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
}


class FloatRunner:
    """Holds the parameters of one graph as torch tensors and runs images one at a time."""

    def __init__(self, graph: FloatGraph, *, dtype: torch.dtype = torch.float32) -> None:
        self.graph = graph
        self.dtype = dtype
        self.parameters = {key: torch.from_numpy(np.array(array)).to(dtype) for key, array in graph.parameters.items()}

    @torch.no_grad()
    def tensors(self, image: NDArray[np.uint8]) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield every tensor in order of production, from uint8 RGB [1, 3, H, W]; the image itself excluded.

        A tensor is dropped after its last reader has run, so peak memory is that of the live tensors.
        """
        live: dict[str, torch.Tensor] = {self.graph.input: torch.from_numpy(image)}
        readers = {name: len(nodes) for name, nodes in self.graph.consumers.items()}
        for node in self.graph.nodes:
            live[node.name] = self.run_node(node, [live[name] for name in node.inputs])
            yield node.name, live[node.name]
            for name in set(node.inputs):
                readers[name] -= 1
                if not readers[name]:
                    del live[name]

    def logits(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The last tensor, flattened to [classes], float32."""
        last = torch.empty(0)
        for _, tensor in self.tensors(image):
            last = tensor
        return last.to(torch.float32).flatten().numpy()

    def run_node(self, node: Node, x: list[torch.Tensor]) -> torch.Tensor:
        """One node on its input tensors."""
        a: dict[str, Any] = dict(node.attributes)
        if node.kind in LAYOUT_OPS:
            return _layout(node, x[0])
        if node.kind in ("conv2d", "linear", "layer_norm", "group_norm"):
            return self.run_parametric(node, x[0], a)
        if node.kind == "normalize":
            pixel = x[0].to(self.dtype) / 255.0
            return (pixel - _channels(a["mean"], self.dtype)) / _channels(a["std"], self.dtype)
        if node.kind == "matmul":
            return torch.mul(x[0] @ (x[1].transpose(-2, -1) if a["transpose_b"] else x[1]), a["scale"])
        if node.kind == "weighted_sum":
            return (x[0] * x[1]).sum(-1, keepdim=True)
        if node.kind == "constant":
            return self.parameters[f"{node.name}/values"]
        if node.kind == "concat":
            return torch.cat(x, dim=a["axis"])
        simple: dict[str, Callable[[], torch.Tensor]] = {
            "softmax": lambda: x[0].softmax(-1),
            "function": lambda: FUNCTIONS[a["function"]](x[0]),
            "add": lambda: x[0] + x[1],
            "sub": lambda: x[0] - x[1],
            "mul": lambda: x[0] * x[1],
            "avg_pool2d": lambda: F.avg_pool2d(
                x[0], a["kernel"], a["stride"], a["padding"], count_include_pad=a["count_include_pad"]
            ),
            "mean": lambda: x[0].mean((-2, -1), keepdim=True),
        }
        return simple[node.kind]()

    def run_parametric(self, node: Node, x: torch.Tensor, a: dict[str, Any]) -> torch.Tensor:
        """The nodes that have parameters."""
        p = {role: self.parameters[f"{node.name}/{role}"] for role in _roles(node)}
        if node.kind == "conv2d":
            return F.conv2d(x, p["weight"], p["bias"], a["stride"], a["padding"], 1, a["groups"])
        if node.kind == "linear":
            return F.linear(x, p["weight"], p["bias"])
        if node.kind == "layer_norm":
            return F.layer_norm(x, p["gamma"].shape, p["gamma"], p["beta"], a["epsilon"])
        return F.group_norm(x, a["groups"], p["gamma"], p["beta"], a["epsilon"])


def _roles(node: Node) -> tuple[str, str]:
    return ("weight", "bias") if node.kind in ("conv2d", "linear") else ("gamma", "beta")


def _channels(values: tuple[float, ...], dtype: torch.dtype) -> torch.Tensor:
    return torch.tensor(values, dtype=dtype).reshape(1, -1, 1, 1)


def _layout(node: Node, x: torch.Tensor) -> torch.Tensor:
    a: dict[str, Any] = dict(node.attributes)
    if node.kind == "reshape":
        return x.reshape(node.shape)
    if node.kind == "permute":
        return x.permute(a["axes"])
    return x.narrow(a["axis"], a["start"], a["stop"] - a["start"])
