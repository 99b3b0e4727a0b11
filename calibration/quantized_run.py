"""Run a plan in floating point: every tensor and weight rounded to its codes and taken back to reals.

What learning needs gradients of, and what partially quantized networks (softmax and norms in float) are measured
with. The integers of a Program differ by the roundings inside units only; nothing here is a reference for them.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.fake_quantize import fake_quantize_like
from bittrue.calibration.graph import FloatGraph, Node
from bittrue.calibration.lowering.channel_fold import fold_factor, groups_of, is_depthwise, scales_read
from bittrue.calibration.plan import QuantPlan

OPERANDS = ("conv2d", "linear", "matmul", "weighted_sum")
"""Kinds that multiply what they read: all that a partially quantized network quantizes (Q-HyViT's table 1)."""


class QuantizedRunner(BatchRunner):
    """BatchRunner of one plan.

    partial: quantize weights and the inputs of layers and products only, as the papers do that leave softmax, norms,
    residual additions and activation functions in float. Such a network is measured, and never lowered.
    """

    def __init__(self, plan: QuantPlan, *, partial: bool = False) -> None:
        super().__init__(plan.graph)
        self.plan = plan
        self.quantized = partially(plan) if partial else frozenset(plan.tensors)
        for name in plan.weights:
            node = plan.graph.by_name[name]
            self.parameters[f"{name}/weight"] = torch.from_numpy(dequantized_weight(plan, node)).float()
            if f"{name}/bias" in plan.learned:
                self.parameters[f"{name}/bias"] = torch.from_numpy(np.array(plan.learned[f"{name}/bias"])).float()

    @torch.no_grad()
    def batch_logits(self, images: torch.Tensor) -> torch.Tensor:
        """Logits [images, classes] of uint8 images [images, 3, H, W]."""
        return self.forward(images, change=self.quantize)

    def quantize(self, name: str, value: torch.Tensor) -> torch.Tensor:
        """A tensor as its codes say it, where the plan quantizes it."""
        return fake_quantize_like(value, self.plan.tensors[name]) if name in self.quantized else value


def dequantized_weight(plan: QuantPlan, node: Node) -> NDArray[np.float64]:
    """A node's weight as its codes say it, for real inputs, float64 of the weight's shape."""
    weight = plan.graph.parameter(node, "weight").astype(np.float64)
    held, key, factor = plan.weights[node.name], f"{node.name}/weight", folded_into(plan, node)
    scale = np.broadcast_to(np.array(held.scale), (len(weight),)).reshape(-1, *[1] * (weight.ndim - 1))
    top = (1 << (held.bits - 1)) - 1
    codes = plan.learned[key] if key in plan.learned else np.clip(np.rint(weight * factor / scale), -top, top)
    return np.asarray(codes * scale / factor)


def folded_into(plan: QuantPlan, node: Node) -> NDArray[np.float64]:
    """What the scales of a node's input channels fold into its weight, of a shape that broadcasts against it."""
    weight = plan.graph.parameter(node, "weight")
    scales, axis = scales_read(plan.graph, plan.tensors, node)
    if axis is None or is_depthwise(node, weight):
        return np.ones([1] * weight.ndim)
    return fold_factor(weight.shape, scales, groups_of(node))


def partially(plan: QuantPlan) -> frozenset[str]:
    """The tensors that a layer or a product reads, whatever else reads them."""
    return frozenset(name for name in plan.tensors if _is_operand(plan.graph, name))


def _is_operand(graph: FloatGraph, name: str) -> bool:
    return any(reader.kind in OPERANDS for reader in graph.readers(name))
