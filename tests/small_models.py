"""Small torch modules with the structures that calibration has rules for."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from bittrue.calibration.calibrate import calibrate_graph
from bittrue.calibration.frontend.export import export_graph
from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import Preprocessing, QuantPlan

PREPROCESSING = Preprocessing(64, "bicubic", 0.9, "center")


class Small(nn.Module):
    """Stem, inverted residual with a depthwise convolution, one attention block, residual, pooled head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=8, padding=1)
        self.expand = nn.Conv2d(8, 16, 1)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.project = nn.Conv2d(16, 8, 1)
        self.norm = nn.LayerNorm(8)
        self.qkv = nn.Linear(8, 24)
        self.proj = nn.Linear(8, 8)
        self.fc = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.silu(self.stem(x))
        y = nn.functional.silu(self.depthwise(nn.functional.silu(self.expand(x))))
        x = x + self.project(y)
        tokens = x.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(self.norm(tokens)).reshape(1, 64, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        attended = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(1, 64, 8)
        tokens = tokens + self.proj(attended)
        pooled = nn.functional.adaptive_avg_pool2d(tokens.transpose(1, 2).reshape(1, 8, 8, 8), 1)
        return self.fc(pooled.flatten(1))


def small_graph(seed: int = 0) -> FloatGraph:
    """The float graph of `Small` with random weights."""
    torch.manual_seed(seed)
    return export_graph(Small().eval(), model="small", side=64, mean=(0.0,) * 3, std=(1.0,) * 3)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """Smooth random images [count, 3, 64, 64]."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 3, 8, 8))
    return np.kron(coarse, np.ones((1, 1, 8, 8))).astype(np.uint8)


def small_plan(options: CalibrationOptions | None = None, graph: FloatGraph | None = None) -> QuantPlan:
    """A calibrated plan of `Small`."""
    return calibrate_graph(
        graph or small_graph(), pictures(4), PREPROCESSING, options or CalibrationOptions(), {"made": "test"}
    )
