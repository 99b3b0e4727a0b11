"""repq: norm outputs get a range a channel, which reparameterization turns into one scale and zero point.

RepQ-ViT (Li et al., arXiv 2212.08254), section 3.3. With scales s_c and zero points z_c of a norm's output, r = s / s~
and b = s_c * z_c - s~ * z~ folded into gamma, beta and into the weights and bias behind, the hardware sees one s~ and
one z~. Here s~ is the largest s_c and z~ = 0 (the paper: means; the folding is exact for any choice, and a scale of the
weights takes up the difference). r is left to the plan: lowering folds channel scales into weights
(calibration/lowering/channel_fold.py). b is folded into the plan's graph: beta loses d_c = low_c + 2^(bits-1) * s_c,
the bias behind gains the sum of weight * d_c. Weights are calibrated behind the folding, min-max a channel.

A range is the best of the quantiles 0.999, 0.9999 and 0.99999 by squared error, as in zkkli/RepQ-ViT
quant/quantizer.py; of all values of the calibration images (calibration/tails.py). The error is s^2 / 12 a value, the
noise of rounding, and the exact squares of what is clipped.

Deviations: the log-sqrt-2 quantizer of softmax has no unit in any packaged datapath, so that probabilities have the
unit's own format (u16 of iot_npu, finer than 4-bit powers of sqrt 2). Weights are symmetric with min-max (the code:
asymmetric, with the same three quantiles). Operands of matmul are symmetric, or a MAC would need a ninth bit. What the
paper keeps in float, residuals and pre-activations, is quantized like any other tensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.lowering.channel_fold import by_output, groups_of
from bittrue.calibration.methods.method import Choices
from bittrue.calibration.methods.minmax import MinMax
from bittrue.calibration.methods.percentile import tails_of
from bittrue.calibration.plan import TensorPlan
from bittrue.calibration.quantize import Range
from bittrue.calibration.reading import Reading, readings
from bittrue.calibration.sites import NORMS, Site
from bittrue.calibration.tails import Tails

SHARES = (0.999, 0.9999, 0.99999)
SCALE_RATIO_MIN = 2.0**-12
"""No channel's scale is finer than this share of the largest: a channel that never changes has no range at all."""


class RepQ(MinMax):
    """See the module docstring."""

    name: ClassVar[str] = "repq"

    def choose(self) -> Choices:
        """Everything by layer, then the norms by channel."""
        problem = self.problem
        self.reparameterized = {
            name: held for name, site in problem.sites.items() if (held := self._readers(site)) is not None
        }
        channelwise = frozenset(self.reparameterized)
        if problem.options.activation_granularity == "channel":
            channelwise |= problem.free.sites
        self.tails = tails_of(problem, channelwise, min(SHARES))
        tensors, parameters = self.tensors(), dict(problem.graph.parameters)
        for name, readers in self.reparameterized.items():
            tensors[name], shift = self._by_channel(problem.sites[name])
            parameters.update(shifted(replace(problem.graph, parameters=parameters), name, readers, shift))
        graph = replace(problem.graph, parameters=parameters)
        return Choices(graph, tensors, self.weights(graph, tensors))

    def activation_range(self, site: Site, channels: NDArray[np.int64], *, symmetric: bool, bits: int) -> Range:
        """The best of the quantiles; of symmetric codes the larger end counts."""
        if site.name in self.reparameterized:  # decided by channel, see `choose`
            return self.problem.seen(site, channels)
        return best_quantile(self.tails[site.name, int(channels[0])], bits, symmetric=symmetric)

    def _readers(self, site: Site) -> tuple[Reading, ...] | None:
        """Who reads a norm's output, if scale and zero point can move on into all of their weights."""
        problem = self.problem
        free = problem.graph.by_name[site.name].kind in NORMS and site.name in problem.free.sites and not site.padded
        found = readings(problem.graph, site)
        folds = all(reading.node.kind in ("conv2d", "linear") and reading.axis is not None for reading in found)
        return found if free and folds and problem.fixed_range(site) is None else None

    def _by_channel(self, site: Site) -> tuple[TensorPlan, NDArray[np.float64]]:
        """The plan of a norm's shifted output, and what the shift takes from each channel."""
        bits = self.problem.bits[site.name]
        found = [
            best_quantile(self.tails[site.name, channel], bits, symmetric=False) for channel in range(len(site.groups))
        ]
        low, high = np.array([held.low for held in found]), np.array([held.high for held in found])
        scale = (high - low) / ((1 << bits) - 1)
        scale = np.maximum(scale, SCALE_RATIO_MIN * scale.max()) if scale.any() else np.ones(len(scale))
        shift = low + (1 << (bits - 1)) * scale
        lows, highs = (tuple((end - shift).tolist()) for end in (low, high))
        return TensorPlan(bits, tuple(scale.tolist()), (0,) * len(scale), site.axis, "symmetric", lows, highs), shift


def shifted(
    graph: FloatGraph, norm: str, readers: tuple[Reading, ...], shift: NDArray[np.float64]
) -> Mapping[str, NDArray[np.float32]]:
    """Parameters with which a norm gives `shift` [channels] less and its readers make up for it."""
    key = f"{norm}/beta"
    found = {key: (graph.parameters[key].astype(np.float64) - shift).astype(np.float32)}
    for reading in readers:
        weight = graph.parameter(reading.node, "weight").astype(np.float64)
        taps = weight.reshape(*weight.shape[:2], -1).sum(axis=2)
        lost = by_output(shift[reading.channels], groups_of(reading.node), len(weight)).astype(np.float64)
        bias = graph.parameter(reading.node, "bias").astype(np.float64) + (taps * lost).sum(axis=1)
        found[f"{reading.node.name}/bias"] = bias.astype(np.float32)
    return found


def best_quantile(tails: Tails, bits: int, *, symmetric: bool) -> Range:
    """The range between quantiles with the least squared error; ties to the widest."""
    found: list[tuple[float, float, Range]] = []
    for share in SHARES:
        covered = tails.quantile(share)
        if symmetric:
            covered = Range(min(covered.low, -covered.high), max(covered.high, -covered.low))
        step = (covered.high - covered.low) / ((1 << bits) - 1)
        found.append((tails.count * step**2 / 12 + tails.clipped(covered), -share, covered))
    return min(found, key=lambda entry: entry[:2])[2]
