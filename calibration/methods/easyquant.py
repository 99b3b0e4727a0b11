"""easyquant: the scales whose layer outputs point where the float outputs point.

EasyQuant (Wu et al., arXiv 2006.16669): symmetric codes; the cosine of a layer's quantized and float output is
maximised over the weight's scale with the activation's held, then over the activation's with the weight's, in turn.
Candidates are linear in [alpha S, beta S] with alpha = 0.5, beta = 1.2, n = 100 and S the largest magnitude's scale, as
PTQ4ViT and Q-HyViT run it: 0.5 + 0.007 i for i = 1..100. Weights have a scale an output channel, each by its own
channel's cosine; an activation has one scale, by the cosine of the flattened output.

Deviations:
- three rounds at most, fewer where nothing changes any more (PTQ4ViT's baseline: one; the released code: one pass over
  weights and one over activations, 99 and 199 candidates that only widen the range);
- layers are judged at sampled output positions of all calibration images taken as one vector, with float inputs but for
  their own quantization (the released code: image by image, earlier layers quantized);
- an activation that several layers read is chosen by the sum of their cosines, and what no weighted layer reads
  (softmax and norm inputs, residuals, pre-activations, which the paper leaves alone) by the same search at its readers.

Cosine does not see a gain that all channels share; the method is a baseline.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from bittrue.calibration.graph import Node
from bittrue.calibration.methods.alternating import AlternatingSearch
from bittrue.calibration.reconstruction.search import Metric

ALPHA, BETA, STEPS = 0.5, 1.2, 100
NORM_MIN = 1e-20
"""Squared length below which a vector has no direction: no output equals it, and no candidate is better."""


@torch.no_grad()
def channel_cosine(output: torch.Tensor, reference: torch.Tensor, fisher: torch.Tensor) -> torch.Tensor:
    """1 - cosine of each channel's values, [channels]; [samples, ..., channels] each. The gradient is not looked at.

    Computed as half the squared distance of the unit vectors, which small angles do not cancel in.
    """
    a, b = (value.reshape(-1, value.shape[-1]).double() for value in (output, reference))
    a, b = (value / value.square().sum(0).clamp_min(NORM_MIN).sqrt() for value in (a, b))
    return (a - b).square().sum(0) / 2


@torch.no_grad()
def flat_cosine(output: torch.Tensor, reference: torch.Tensor, fisher: torch.Tensor) -> torch.Tensor:
    """1 - cosine of all values as one vector, [1]."""
    return channel_cosine(output.reshape(-1, 1), reference.reshape(-1, 1), fisher)


class EasyQuant(AlternatingSearch):
    """See the module docstring."""

    name: ClassVar[str] = "easyquant"
    factors: ClassVar[NDArray[np.float64]] = ALPHA + np.arange(STEPS, 0, -1) * (BETA - ALPHA) / STEPS
    rounds: ClassVar[int] = 3
    weight_metric: ClassVar[Metric] = staticmethod(channel_cosine)
    tensor_metric: ClassVar[Metric] = staticmethod(flat_cosine)

    def rows_together(self, node: Node) -> NDArray[np.int64]:
        """Every row alone."""
        return np.arange(len(self.problem.graph.parameter(node, "weight")))
