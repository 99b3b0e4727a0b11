"""Where a scale a channel costs nothing at run time (docs/design.md, decision 5).

The producer must be able to give one: requantizers of convolutions and linear layers, tables and gamma of norms have
constants a channel. Every reader must be able to take one: a depthwise convolution multiplies by its own channel's
scale, any other weighted layer has the scales folded into its weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bittrue.calibration.graph import FloatGraph, Node
from bittrue.calibration.reading import readings
from bittrue.calibration.sites import MAC_OPERANDS, Site


@dataclass(frozen=True)
class Free:
    """Where scales a channel are free."""

    sites: frozenset[str]
    """Tensors that may have one."""
    copies: frozenset[str]
    """Concat nodes whose inputs may keep their own scales side by side: codes are copied."""


def free_channels(graph: FloatGraph, sites: Mapping[str, Site]) -> Free:
    """All tensors and concats of a graph that may have scales a channel."""
    copies = frozenset(node.name for node in graph.nodes if node.kind == "concat" and _copies(graph, sites, node))
    found = frozenset(
        site.name
        for site in sites.values()
        if site.axis is not None
        and site.name not in copies
        and site.name != graph.source(graph.output)
        and graph.by_name[site.name].kind != "normalize"  # one table for three colours is enough: their ranges agree
        and not any(site.symmetric)
        and (reads := readings(graph, site, copies))
        and all(_folds(reading.node, reading.axis) for reading in reads)
    )
    return Free(found, copies)


def _folds(node: Node, axis: int | None) -> bool:
    if node.kind == "conv2d":
        return axis == 1
    return node.kind == "linear" and axis is not None and axis == len(node.shape) - 1


def _copies(graph: FloatGraph, sites: Mapping[str, Site], concat: Node) -> bool:
    """Whether everything that reads a concat folds its channels' scales, and everything in it is a site of its own."""
    if not all(name in sites and graph.by_name[name].kind not in MAC_OPERANDS for name in concat.inputs):
        return False
    readers = graph.consumers[concat.name]
    return bool(readers) and all(_folds(node, concat.integer("axis")) for node in readers)
