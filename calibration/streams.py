"""Residual streams: the tensors that additions join and norms read, and where their channels are.

An addition has one ratio of scales for all channels, so that a stream's tensors must share the proportions of their
channel scales: FQ-ViT's power-of-two factors are chosen for a stream (methods/fq_vit.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bittrue.calibration.graph import FloatGraph, Node
from bittrue.calibration.reading import Reading, readings
from bittrue.calibration.sites import NORMS, Site

Stream = tuple[Site, ...]
"""Tensors that only additions of the same stream and norms read, in order of production, each with the axis along which
the stream's channels lie in it."""


def find_streams(graph: FloatGraph, sites: Mapping[str, Site]) -> tuple[Stream, ...]:
    """Every stream whose producers can give a scale a channel: requantizers of layers, and additions of such."""
    placed = _placed(graph, sites)
    found = []
    for names in _joined(graph, placed):
        members = [placed[name] for name in names if name in placed]
        reads = [reading for site in members for reading in readings(graph, site)]
        whole = len(members) == len(names) and all(_keeps_channels(reading, names) for reading in reads)
        if whole and any(reading.node.kind in NORMS for reading in reads):
            found.append(tuple(members))
    return tuple(found)


def _placed(graph: FloatGraph, sites: Mapping[str, Site]) -> dict[str, Site]:
    """Sites with a channel axis: those of layers, and additions whose operands agree on it."""
    placed: dict[str, Site] = {}
    output = graph.source(graph.output)
    for name, site in sites.items():
        node = graph.by_name[name]
        if name == output or any(site.symmetric):
            continue
        if node.kind in ("conv2d", "linear") and site.axis is not None and len(set(site.groups)) == 1:
            placed[name] = site
        elif node.kind == "add":
            axes = _axes_at(graph, placed, node)
            if len(axes) == 1 and None not in axes:
                (axis,) = axes
                assert axis is not None
                placed[name] = replace(site, axis=axis, groups=(0,) * node.shape[axis])
    return placed


def _axes_at(graph: FloatGraph, placed: Mapping[str, Site], add: Node) -> set[int | None]:
    """Where the channels of an addition's operands lie; None for an operand without."""
    found: set[int | None] = set()
    for operand, name in enumerate(add.inputs):
        source = graph.source(name)
        held = readings(graph, placed[source]) if source in placed else ()
        found |= {r.axis for r in held if (r.node.name, r.operand) == (add.name, operand)} or {None}
        if graph.shape_of(name) != add.shape:
            found.add(None)
    return found


def _joined(graph: FloatGraph, placed: Mapping[str, Site]) -> list[tuple[str, ...]]:
    """Sets of tensors that additions join, in order of production, placed or not."""
    sets: dict[str, set[str]] = {name: {name} for name in placed}
    for node in graph.nodes:
        if node.kind != "add":
            continue
        joined: set[str] = set()
        for name in (node.name, *map(graph.source, node.inputs)):
            joined |= sets.get(name, {name})
        for name in joined:
            sets[name] = joined
    order = {node.name: index for index, node in enumerate(graph.nodes)}
    lines = (tuple(sorted(held, key=lambda name: order.get(name, -1))) for held in sets.values())
    return list(dict.fromkeys(lines))


def _keeps_channels(reading: Reading, names: tuple[str, ...]) -> bool:
    node = reading.node
    if node.kind == "add":
        return node.name in names
    if node.kind == "layer_norm":
        return reading.axis == len(node.shape) - 1
    return node.kind == "group_norm" and reading.axis == 1
