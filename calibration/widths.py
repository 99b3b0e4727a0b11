"""How many bits each tensor gets, by who reads it (docs/design.md, decision 8).

A multiplier's operands are what "W8A8" speaks of. What only the vector unit reads may be wider without a wider
multiplier: what goes into an activation function, the residual stream.
"""

from __future__ import annotations

from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.reading import readings
from bittrue.calibration.sites import Site

MACS = ("conv2d", "linear", "matmul", "weighted_sum", "mul")
"""Kinds that multiply what they read: a product of two activations uses the same multiplier."""


def width(graph: FloatGraph, site: Site, options: CalibrationOptions) -> int:
    """Bits of a site's codes."""
    if site.name == graph.source(graph.output):
        return options.output_bits
    kinds = {reading.node.kind for reading in readings(graph, site, _concats(graph))}
    if not kinds or kinds & set(MACS) or graph.by_name[site.name].kind == "normalize":
        return options.activation_bits
    if kinds == {"function"}:
        return options.preactivation_bits or options.activation_bits
    if "softmax" in kinds:
        return options.score_bits or options.activation_bits
    return options.residual_bits or options.activation_bits


def _concats(graph: FloatGraph) -> tuple[str, ...]:
    """Whoever reads a concat reads what went into it."""
    return tuple(node.name for node in graph.nodes if node.kind == "concat")
