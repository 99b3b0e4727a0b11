"""Tails: the largest and the smallest values of tensors over all calibration images, so that quantiles near the ends
are those of every value and not of a sample (the quantile 0.99999 of 65,536 sampled values is about their maximum).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.quantize import Range
from bittrue.calibration.sites import Site

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Tails:
    """The ends of one sorted list of values."""

    count: int
    """Values in all."""
    lowest: Values
    """Ascending from the smallest."""
    highest: Values
    """Descending from the largest."""

    def quantile(self, share: float) -> Range:
        """The values that `share` of all lie below, and above: linear between neighbours, as numpy.quantile."""
        place = (self.count - 1) * (1.0 - share)
        return Range(_between(self.lowest, place), _between(self.highest, place))

    def clipped(self, covered: Range) -> float:
        """Sum of squared distances to a range that cuts off no more than the tails hold."""
        below = np.maximum(covered.low - self.lowest.astype(np.float64), 0.0)
        above = np.maximum(self.highest.astype(np.float64) - covered.high, 0.0)
        return float((below**2).sum() + (above**2).sum())


def _between(values: Values, place: float) -> float:
    index = math.floor(place)
    here, following = (float(values[min(i, len(values) - 1)]) for i in (index, index + 1))
    return here + (following - here) * (place - index)


def observe_tails(
    graph: FloatGraph,
    wanted: Mapping[str, tuple[Site, Sequence[NDArray[np.int64]]]],
    images: NDArray[np.uint8],
    share: float,
    *,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, list[Tails]]:
    """Run the float graph over images [N, 3, H, W] and keep what quantiles from `share` outwards need.

    wanted: for each site the sets of channels whose values make one list each. Returns a list of tails by site.
    """
    collectors = {
        name: [_Collector(len(images) * _size(site, channels), share) for channels in sets]
        for name, (site, sets) in wanted.items()
    }
    runner = FloatRunner(graph)
    for index in range(len(images)):
        for name, tensor in runner.tensors(images[index : index + 1]):
            if name not in wanted:
                continue
            site, sets = wanted[name]
            values = tensor.numpy()
            lines = values.reshape(1, -1) if site.axis is None else np.moveaxis(values, site.axis, 0)
            for collector, channels in zip(collectors[name], sets, strict=True):
                collector.add((lines if len(channels) == len(lines) else lines[channels]).reshape(-1))
        progress(index + 1)
    return {name: [collector.finish() for collector in held] for name, held in collectors.items()}


def _size(site: Site, channels: NDArray[np.int64]) -> int:
    """Values that some channels of a site have in one image."""
    return math.prod(site.shape) // len(site.groups) * len(channels)


class _Collector:
    """The running ends of one list."""

    def __init__(self, count: int, share: float) -> None:
        self.count = count
        self.kept = math.floor((count - 1) * (1.0 - share)) + 2
        self.highest = self.negated = np.empty(0, np.float32)

    def add(self, values: Values) -> None:
        self.highest = self._largest(self.highest, values)
        self.negated = self._largest(self.negated, -values)

    def _largest(self, held: Values, values: Values) -> Values:
        if len(held) == self.kept:
            values = values[values > held.min()]
        joined = np.concatenate([held, values])
        surplus = len(joined) - self.kept
        return np.asarray(np.partition(joined, surplus)[surplus:] if surplus > 0 else joined)

    def finish(self) -> Tails:
        return Tails(self.count, -np.sort(self.negated)[::-1], np.sort(self.highest)[::-1])
