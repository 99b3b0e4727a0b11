"""Bridge activations one by one: ranges a channel, the zero points that they want, and what each quantizer loses.

Ranges are min-max over the calibration images; errors are those on these images and on new ones. What a datapath or a
reader allows (a norm's one zero point, free scales) does not count here: this is what the values themselves ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.bridge import activations_of, find_bridges
from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.granularity import free_channels
from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.observe import Observation, observe
from bittrue.calibration.sites import Site, find_sites
from bittrue.golden.fidelity import sqnr_db
from bittrue.reports.bridge_data import QUANTIZERS, Activation, Channel, Fit
from bittrue.workflow.bridges.quantizers import Codes, codes_of, quantize

Lines = NDArray[np.float32]
"""Values of one tensor and image, [channels, values]."""
Image = NDArray[np.uint8]
"""[1, 3, H, W]"""


@dataclass(frozen=True)
class Watched:
    """A bridge activation before it is measured."""

    site: Site
    """With the axis of its channels, also where the calibrated site has none (additions, concats)."""
    block: str
    way: str
    kind: str
    free: bool

    def lines(self, values: NDArray[np.float32]) -> Lines:
        """Values of one image by channel."""
        axis = self.site.axis
        return values.reshape(1, -1) if axis is None else np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)


def watched(graph: FloatGraph) -> dict[str, Watched]:
    """All bridge activations by name, block after block; a tensor that two blocks read belongs to the first."""
    sites = {site.name: site for site in find_sites(graph)}
    free = free_channels(graph, sites)
    found: dict[str, Watched] = {}
    for block in find_bridges(graph):
        for name in activations_of(graph, block):
            if name not in found:
                axis = _channel_axis(graph, sites, name)
                count = 1 if axis is None else sites[name].shape[axis]
                site = replace(sites[name], axis=axis, groups=(0,) * count)
                spared = name in free.sites or name in free.copies
                found[name] = Watched(site, block.name, block.way, graph.by_name[name].kind, spared)
    return found


def _channel_axis(graph: FloatGraph, sites: Mapping[str, Site], name: str) -> int | None:
    """Of a site's own, of a concat, or of what an elementwise node reads in the same shape."""
    if name not in sites or sites[name].axis is not None:
        return sites[name].axis if name in sites else None
    node = graph.by_name[name]
    if node.kind == "concat":
        return node.integer("axis")
    if node.kind not in ("add", "sub", "mul"):
        return None
    axes = [_channel_axis(graph, sites, read) for read in node.inputs if graph.shape_of(read) == node.shape]
    return next((axis for axis in axes if axis is not None), None)


class Measured:
    """Sums over images of one activation, by quantizer and channel."""

    def __init__(self, codes: Mapping[str, Codes], channels: int) -> None:
        self.codes = codes
        self.values = 0
        """Of one channel."""
        self.signal = np.zeros(channels)
        self.noise = {name: np.zeros(channels) for name in codes}
        self.clipped = {name: np.zeros(channels) for name in codes}

    def add(self, lines: Lines) -> None:
        """Take the values of one image."""
        self.values += lines.shape[1]
        self.signal += np.square(lines, dtype=np.float64).sum(axis=1)
        for name, codes in self.codes.items():
            found, clipped = quantize(lines, codes)
            self.noise[name] += np.square(found - lines, dtype=np.float64).sum(axis=1)
            self.clipped[name] += clipped.sum(axis=1)

    def fits(self, channels: slice = slice(None)) -> dict[str, Fit]:
        """Of some channels together."""
        signal, count = float(self.signal[channels].sum()), self.values * len(self.signal[channels])
        return {
            name: Fit(
                sqnr_db(signal, float(self.noise[name][channels].sum())) if signal else float("nan"),
                float(self.clipped[name][channels].sum()) / count,
            )
            for name in self.codes
        }


def observed(graph: FloatGraph, names: Mapping[str, Watched], images: NDArray[np.uint8]) -> dict[str, Observation]:
    """Ranges and samples by channel over calibration images [N, 3, H, W]."""
    return observe(graph, [each.site for each in names.values()], images, seed=0)


def measure(
    graph: FloatGraph,
    model: str,
    names: Mapping[str, Watched],
    ranges: Mapping[str, Observation],
    seen: Iterator[Image],
    new: Iterator[Image],
    progress: Callable[[int], None],
) -> tuple[Activation, ...]:
    """Every activation on the images that made the ranges and on new ones; progress: gets the number of images done."""
    codes = {name: {which: codes_of(which, names[name].site, ranges[name]) for which in QUANTIZERS} for name in names}
    done, found = 0, []
    for images in (seen, new):
        sums = {name: Measured(codes[name], len(ranges[name].low)) for name in names}
        for tensors in lines_of(graph, names, images):
            for name, lines in tensors:
                sums[name].add(lines)
            done += 1
            progress(done)
        found.append(sums)
    return tuple(
        _activation(model, each, ranges[name], *(sums[name] for sums in found)) for name, each in names.items()
    )


def lines_of(
    graph: FloatGraph, names: Mapping[str, Watched], images: Iterator[Image]
) -> Iterator[Iterator[tuple[str, Lines]]]:
    """For each image the values of some tensors by channel, as the float model makes them."""
    runner = FloatRunner(graph)
    for image in images:
        yield ((name, names[name].lines(tensor.numpy())) for name, tensor in runner.tensors(image) if name in names)


def _activation(model: str, each: Watched, held: Observation, seen: Measured, new: Measured) -> Activation:
    quartiles = np.quantile(held.sample, (0.25, 0.5, 0.75), axis=1)
    channels = tuple(
        Channel(
            index,
            float(held.low[index]),
            float(quartiles[0, index]),
            float(quartiles[1, index]),
            float(quartiles[2, index]),
            float(held.high[index]),
            int(new.codes["channel"].zero_point[index]),
            new.fits(slice(index, index + 1)),
            seen.fits(slice(index, index + 1)),
        )
        for index in range(len(held.low))
    )
    return Activation(
        model=model,
        block=each.block,
        way=each.way,
        tensor=each.site.name,
        kind=each.kind,
        padded=each.site.padded,
        free=each.free,
        low=float(held.low.min()),
        high=float(held.high.max()),
        zero_point=int(new.codes["layer"].zero_point[0]),
        fits=new.fits(),
        seen=seen.fits(),
        channels=channels,
    )
