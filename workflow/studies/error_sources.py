"""Whose quantization errors there are in a plan, one tensor or one weight at a time, and what kind of layer sees
them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.bridge import find_bridges
from bittrue.calibration.fake_quantize import fake_quantize_like
from bittrue.calibration.graph import FloatGraph, Node
from bittrue.calibration.methods.method import WIDE_BITS
from bittrue.calibration.plan import QuantPlan
from bittrue.calibration.quantize import beside
from bittrue.calibration.quantized_run import QuantizedRunner
from bittrue.calibration.reading import readings
from bittrue.calibration.sites import MAC_OPERANDS, NORMS, Site, find_sites
from bittrue.reports.study_perturbation_data import BRIDGE, INPUT, OTHER, WEIGHT


@dataclass(frozen=True)
class ErrorSource:
    """One tensor, or the weight of one layer."""

    name: str
    """Of the tensor, or "NODE/weight"."""
    place: str
    """The tensor at which the error stands: the tensor itself, or the output of the layer."""
    kinds: tuple[str, ...]
    """Of the layers that read the tensor, or of the layer; with BRIDGE where one of them lies in a bridge block."""


def error_sources(plan: QuantPlan) -> tuple[ErrorSource, ...]:
    """Everything that a plan quantizes to less than WIDE_BITS, in order of the graph, but for what nobody reads."""
    graph, found, copies = plan.graph, [], copying_concats(plan)
    sites = {site.name: site for site in find_sites(graph)}
    bridged = {name for bridge in find_bridges(graph) for name in bridge.nodes}
    concats = tuple(node.name for node in graph.nodes if node.kind == "concat")
    for node in graph.nodes:
        searched = node.name in sites and plan.tensors[node.name].bits < WIDE_BITS
        readers = _readers(graph, sites[node.name], concats) if searched and node.name not in copies else []
        if readers:
            found.append(ErrorSource(node.name, node.name, _kinds(graph, readers, bridged, INPUT)))
        if node.name in plan.weights:
            found.append(ErrorSource(f"{node.name}/weight", node.name, _kinds(graph, [node], bridged, WEIGHT)))
    return tuple(found)


def copying_concats(plan: QuantPlan) -> frozenset[str]:
    """Concats whose inputs keep their own scales side by side: copied codes make no error of their own."""
    graph = plan.graph
    concats = [node for node in graph.nodes if node.kind == "concat" and node.name in plan.tensors]
    return frozenset(
        node.name
        for node in concats
        if all(name in plan.tensors for name in node.inputs)
        and plan.tensors[node.name] == beside(graph, node, plan.tensors)
    )


def source_error(
    source: ErrorSource,
    plan: QuantPlan,
    values: Mapping[str, torch.Tensor],
    exact: BatchRunner,
    quantized: QuantizedRunner,
) -> torch.Tensor:
    """What quantizing one source alone adds to the float values at its place, [images, *shape].

    values: of all tensors of the float graph. exact, quantized: runners with the float and with the rounded weights.
    """
    if source.name in plan.tensors:
        return fake_quantize_like(values[source.name], plan.tensors[source.name]) - values[source.name]
    node = plan.graph.by_name[source.place]
    inputs = [values[name] for name in node.inputs]
    return quantized.run_node(node, inputs) - exact.run_node(node, inputs)


def _readers(graph: FloatGraph, site: Site, concats: tuple[str, ...]) -> list[Node]:
    """Seen through layout nodes and concats."""
    return list({reading.node.name: reading.node for reading in readings(graph, site, concats)}.values())


def _kinds(graph: FloatGraph, nodes: list[Node], bridged: set[str], side: str) -> tuple[str, ...]:
    found = [_kind(graph, node, side) for node in nodes]
    return tuple(dict.fromkeys([*found, *([BRIDGE] if any(node.name in bridged for node in nodes) else [])]))


def _kind(graph: FloatGraph, node: Node, side: str) -> str:
    """The name in the study's tables, one of KINDS; side: INPUT or WEIGHT."""
    if node.kind == "conv2d":
        return ("depthwise" if graph.parameter(node, "weight").shape[1] == 1 else "conv") + side
    if node.kind == "linear":
        return node.kind + side
    if node.kind in MAC_OPERANDS:
        return "matmul"
    if node.kind in NORMS:
        return "norm input"
    return {"softmax": "softmax input", "add": "residual"}.get(node.kind, OTHER)
