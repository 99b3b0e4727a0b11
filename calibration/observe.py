"""Observation: what values the sites of a float graph take on calibration images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.sites import Site
from bittrue.spec.errors import BadInput

SAMPLES_PER_SITE = 1 << 16
"""Values kept of each site over all images, for methods that weigh errors; ranges see every value."""


@dataclass(frozen=True)
class Observation:
    """One site's values over the calibration images, by channel."""

    low: NDArray[np.float64]
    """Smallest value of each channel, [channels]."""
    high: NDArray[np.float64]
    sample: NDArray[np.float32]
    """Values drawn at random positions, [channels, samples]."""
    halves: NDArray[np.float64]
    """Smallest and largest value of each channel in the images with even and with odd index, [2, 2, channels]: what a
    range of one half clips shows on the other. One image stands for both."""


def observe(
    graph: FloatGraph,
    sites: Sequence[Site],
    images: NDArray[np.uint8],
    *,
    seed: int,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Observation]:
    """Run the float graph over images [N, 3, H, W] and collect every site's ranges and samples.

    progress: called after each image with the number done. Raises BadInput when a value is not finite.
    """
    wanted = {site.name: site for site in sites}
    collectors = {name: _Collector(site, len(images), seed) for name, site in wanted.items()}
    runner = FloatRunner(graph)
    for index in range(len(images)):
        for name, tensor in runner.tensors(images[index : index + 1]):
            if name in wanted:
                collectors[name].add(tensor.numpy())
        progress(index + 1)
    return {name: collector.finish() for name, collector in collectors.items()}


class _Collector:
    """Running minimum, maximum and sample of one site."""

    def __init__(self, site: Site, images: int, seed: int) -> None:
        self.site = site
        self.channels = 1 if site.axis is None else site.shape[site.axis]
        # Ceiling division twice: at least one value a channel and image.
        self.per_image = -(-SAMPLES_PER_SITE // (self.channels * images))
        self.random = np.random.default_rng([seed, len(site.name), *site.name.encode()])
        self.low = np.full(self.channels, np.inf)
        self.high = np.full(self.channels, -np.inf)
        self.halves = np.stack([np.stack([self.low, self.high])] * 2)
        self.parts: list[NDArray[np.float32]] = []

    def add(self, values: NDArray[np.float32]) -> None:
        axis = self.site.axis
        lines = values.reshape(1, -1) if axis is None else np.moveaxis(values, axis, 0).reshape(self.channels, -1)
        if not np.isfinite(lines).all():
            raise BadInput(
                "the float model produces a value that is not finite",
                where=f"tensor {self.site.name}",
                next_step="check the weights and the images",
            )
        low, high = lines.min(axis=1), lines.max(axis=1)
        self.low, self.high = np.minimum(self.low, low), np.maximum(self.high, high)
        half = self.halves[len(self.parts) % 2]
        half[0], half[1] = np.minimum(half[0], low), np.maximum(half[1], high)
        count = min(self.per_image, lines.shape[1])
        self.parts.append(lines[:, np.sort(self.random.choice(lines.shape[1], count, replace=False))])

    def finish(self) -> Observation:
        halves = self.halves if len(self.parts) > 1 else self.halves[[0, 0]]
        return Observation(self.low, self.high, np.concatenate(self.parts, axis=1), halves)
