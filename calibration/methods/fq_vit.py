"""fq-vit: min-max everywhere, and power-of-two factors for the channels of what norms read.

FQ-ViT (Lin et al., arXiv 2111.13824; megvii-research/FQ-ViT, models/ptq). Activations are asymmetric with one scale,
the observed minimum and maximum; weights min-max an output channel. A norm's input has the power-of-two factor (PTF),
K = 3: with s the layer's scale and z its zero point, channel c has s * 2^(k_c - 3), k_c in 0..3, and the same z; k_c is
the one with the least squared error. `paper_fq_vit` is the datapath with the units: the factor in the norm, 4-bit
powers of two as probabilities (log-int-softmax), zero points that clamp to 8 bits.

Deviations:
- an addition has one ratio of scales for all channels, so the tensors of a residual stream share their k_c
  (calibration/streams.py), chosen for the sum of the errors of all of them; the paper adds in float, each norm by
  itself. A stream with a tensor that takes no factors keeps one scale throughout: where a layer, an activation function
  or a mean reads it, or where it begins in a concat or a constant (DeiT's class token and positions);
- layer norms and group norms alike (the code: tensors [B, N, C] only);
- errors are those of the observation's sample (65,536 values a tensor), on all calibration images (the code: the last
  batch); scale and zero point as docs/arithmetic.md has them, zero rounded half up, no clamp but the datapath's;
- weight codes stay within +/-(2^(bits-1) - 1) with scale max / that (the code: max / 127.5); operands of matmul are
  symmetric, or a MAC would need a ninth bit; biases, activation functions and additions are integers.

A datapath whose norm has no factors refuses channel scales, or its lowering makes them one and lists it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.methods.method import Choices
from bittrue.calibration.methods.minmax import MinMax
from bittrue.calibration.observe import Observation, observe
from bittrue.calibration.plan import TensorPlan
from bittrue.calibration.sites import Site
from bittrue.calibration.streams import Stream, find_streams
from bittrue.spec.arithmetic import code_range

FACTORS_MAX = 3
"""K: the exponents are 0..K."""


class FqVit(MinMax):
    """See the module docstring."""

    name: ClassVar[str] = "fq-vit"

    def choose(self) -> Choices:
        """Min-max, then the factors."""
        graph, tensors = self.problem.graph, self.tensors()
        streams = find_streams(graph, self.problem.sites)
        observations = self._observed(streams)
        for stream in streams:
            tensors.update(factored(stream, tensors, observations))
        return Choices(graph, tensors, self.weights(graph, tensors))

    def _observed(self, streams: tuple[Stream, ...]) -> dict[str, Observation]:
        """All of them by channel: sums have no channel axis of their own, so they are looked at again."""
        wanted = [site for stream in streams for site in stream]
        images = self.problem.images
        known = {site.name: self.problem.observations[site.name] for site in wanted if self._has_channels(site)}
        again = observe(
            self.problem.graph,
            [site for site in wanted if site.name not in known],
            images,
            seed=self.problem.options.seed,
            progress=lambda done: self.problem.progress("factors", done, len(images)),
        )
        return {**known, **again}

    def _has_channels(self, site: Site) -> bool:
        return self.problem.sites[site.name].axis == site.axis


def factored(
    stream: Stream, tensors: dict[str, TensorPlan], observations: dict[str, Observation]
) -> dict[str, TensorPlan]:
    """The plans of a stream's tensors with the factors of least error; given their plans with one scale."""
    shares = 2.0 ** np.arange(-FACTORS_MAX, 1)
    errors = sum(
        np.stack([errors_of(observations[site.name].sample, tensors[site.name], share) for share in shares])
        for site in stream
    )
    chosen = shares[np.asarray(errors).argmin(axis=0)]
    found = {}
    for site in stream:
        plan = tensors[site.name]
        count = len(chosen)
        found[site.name] = replace(
            plan,
            scale=tuple((plan.scale[0] * chosen).tolist()),
            zero_point=plan.zero_point * count,
            low=plan.low * count,
            high=plan.high * count,
            axis=site.axis,
        )
    return found


def errors_of(sample: NDArray[np.float32], plan: TensorPlan, share: float) -> NDArray[np.float64]:
    """Sum of squared errors of each channel [channels] of a sample [channels, values] at a share of the scale."""
    low, high = code_range(plan.bits, signed=True)
    scale, zero_point = plan.scale[0] * share, plan.zero_point[0]
    values = sample.astype(np.float64)
    codes = np.clip(np.rint(values / scale) + zero_point, low, high)
    return np.asarray((((codes - zero_point) * scale - values) ** 2).sum(axis=1))
