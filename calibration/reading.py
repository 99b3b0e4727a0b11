"""Who computes with a site, and where its channels are by then: seen through the layout nodes between."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import FloatGraph, Node
from bittrue.calibration.sites import Site


@dataclass(frozen=True)
class Reading:
    """One operand of a node that takes its values, or some of its channels, from a site."""

    site: str
    node: Node
    operand: int
    axis: int | None
    """The axis of the operand along which the site's channels lie; None where they are mixed, or are of one group."""
    places: slice
    """Where on that axis; all of it but behind a concat."""
    channels: NDArray[np.int64]
    """The site's channel at each of these places, or one channel of the group that the operand holds."""


def readings(graph: FloatGraph, site: Site, copies: Collection[str] = ()) -> tuple[Reading, ...]:
    """Every reading of a site, in order of the graph.

    copies: concat nodes that copy codes, so that their readers read this site.
    """
    count = len(site.groups)
    line = [count if index == site.axis else 1 for index in range(len(site.shape))]
    channels = np.broadcast_to(np.arange(count).reshape(line), site.shape)
    return tuple(_follow(graph, site.name, site.name, channels, copies))


def _follow(
    graph: FloatGraph, site: str, name: str, channels: NDArray[np.int64], copies: Collection[str]
) -> list[Reading]:
    """channels: the site's channel at every element of a tensor, -1 where the element is of another site."""
    found: list[Reading] = []
    for node in graph.consumers[name]:
        if node.is_layout:
            found.extend(_follow(graph, site, node.name, node.layout_op.move(channels), copies))
        elif node.name in copies:
            parts = [
                channels if source == name else np.full(graph.shape_of(source), -1, np.int64) for source in node.inputs
            ]
            found.extend(_follow(graph, site, node.name, np.concatenate(parts, node.integer("axis")), copies))
        else:
            axis, places, held = _line(channels)
            found.extend(
                Reading(site, node, operand, axis, places, held)
                for operand, read in enumerate(node.inputs)
                if read == name
            )
    return found


def _line(channels: NDArray[np.int64]) -> tuple[int | None, slice, NDArray[np.int64]]:
    """The axis along which alone the channel changes, where on it the site lies, and the channels there."""
    for axis in range(channels.ndim):
        moved = np.moveaxis(channels, axis, 0).reshape(channels.shape[axis], -1)
        line = moved[:, 0]
        if (moved == moved[:, :1]).all() and len(np.unique(line)) > 1:
            (held,) = np.nonzero(line >= 0)
            places = slice(int(held[0]), int(held[-1]) + 1)
            return axis, places, line[places].copy()
    return None, slice(None), channels[channels >= 0].reshape(-1)[:1].copy()
