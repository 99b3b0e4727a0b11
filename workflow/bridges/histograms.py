"""Histograms of real and quantized values: of the tensor that gains most by scales a channel, of its channel that gains
most, and of the channel that loses most to a clamped zero point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.observe import Observation
from bittrue.reports.bridge_data import CODE_HIGH, CODE_LOW, Activation, Histogram
from bittrue.workflow.bridges.activations import Image, Watched, lines_of
from bittrue.workflow.bridges.quantizers import Codes, codes_of, quantize

CODES_A_BIN = 4
"""Bins of whole codes: other bins would beat against the grid of the quantized values."""
BINS = (CODE_HIGH - CODE_LOW + 1) // CODES_A_BIN


@dataclass(frozen=True)
class Wanted:
    """A histogram to make."""

    tensor: str
    channel: int | None
    quantizers: tuple[str, ...]


def by_granularity(activations: Sequence[Activation]) -> tuple[Wanted, ...]:
    """The tensor that gains most by scales a channel, and its channel that gains most; none where no tensor has any."""
    several = [each for each in activations if len(each.channels) > 1]
    if not several:
        return ()
    tensor = max(several, key=lambda each: each.gain_db("channel", "layer", seen=True))
    channel = max(tensor.channels, key=lambda each: _finite(each.seen["channel"].sqnr_db - each.seen["layer"].sqnr_db))
    both = ("layer", "channel")
    return Wanted(tensor.tensor, None, both), Wanted(tensor.tensor, channel.index, both)


def by_overflow(activations: Sequence[Activation]) -> tuple[Wanted, ...]:
    """The channel that loses most to a clamped zero point; none where no zero point overflows."""
    found = [(each, channel) for each in activations for channel in each.overflowing]
    if not found:
        return ()
    tensor, channel = max(
        found,
        key=lambda pair: _finite(pair[1].fits["channel"].sqnr_db - pair[1].fits["channel clamped"].sqnr_db),
    )
    return (Wanted(tensor.tensor, channel.index, ("channel", "channel clamped")),)


def _finite(value: float) -> float:
    """A channel of zeros, or one that is exact, is no example of anything."""
    return value if math.isfinite(value) else -math.inf


def histograms(
    graph: FloatGraph,
    model: str,
    wanted: Sequence[Wanted],
    names: Mapping[str, Watched],
    ranges: Mapping[str, Observation],
    images: Iterator[Image],
) -> tuple[Histogram, ...]:
    """Count the values of evaluation images, each [1, 3, H, W]."""
    counts = [_Count(each, names[each.tensor], ranges[each.tensor]) for each in wanted]
    looked_at = {each.tensor: names[each.tensor] for each in wanted}
    if wanted:
        for found in lines_of(graph, looked_at, images):
            for name, lines in found:
                for count in counts:
                    if count.wanted.tensor == name:
                        count.add(lines)
    return tuple(count.finish(model) for count in counts)


class _Count:
    def __init__(self, wanted: Wanted, each: Watched, seen: Observation) -> None:
        self.wanted = wanted
        self.codes = {name: codes_of(name, each.site, seen) for name in wanted.quantizers}
        self.edges = _edges(wanted, self.codes, seen)
        self.real = np.zeros(len(self.edges) - 1, np.int64)
        self.quantized = {name: np.zeros_like(self.real) for name in wanted.quantizers}

    def add(self, lines: NDArray[np.float32]) -> None:
        channels = slice(None) if self.wanted.channel is None else slice(self.wanted.channel, self.wanted.channel + 1)
        self.real += self._counted(lines[channels])
        for name, codes in self.codes.items():
            self.quantized[name] += self._counted(quantize(lines, codes)[0][channels])

    def _counted(self, values: NDArray[np.float32]) -> NDArray[np.int64]:
        """Values past the ends count in the bins at the ends."""
        return np.histogram(np.clip(values, self.edges[0], self.edges[-1]), self.edges)[0]

    def finish(self, model: str) -> Histogram:
        return Histogram(model, self.wanted.tensor, self.wanted.channel, self.edges, self.real, self.quantized)


def _edges(wanted: Wanted, codes: Mapping[str, Codes], seen: Observation) -> NDArray[np.float64]:
    """Half a code below the first code and on in steps of CODES_A_BIN codes, of the whole tensor's quantizer or of the
    one channel's; with a clamped zero point on to the codes that are then left."""
    index = wanted.channel or 0
    grid = codes["layer" if wanted.channel is None else "channel"]
    scale, zero_point = float(grid.scale[index]), float(grid.zero_point[index])
    step = CODES_A_BIN * scale
    first, last = (CODE_LOW - 0.5 - zero_point) * scale, (CODE_HIGH + 0.5 - zero_point) * scale
    before = after = 0
    if "channel clamped" in codes:
        ends = np.array([[seen.low[index], seen.high[index]]], np.float32)
        kept = Codes(*(part[index : index + 1] for part in (grid.scale, codes["channel clamped"].zero_point)))
        low, high = quantize(ends, kept)[0][0]
        before, after = (max(0, math.ceil(past / step)) for past in (first - low, high - last))
    return np.asarray(first + step * np.arange(-before, BINS + after + 1), np.float64)
