"""Widths of single layers, by patterns over their names: what a search over bits a layer changes.

    stages.4.*            every layer of the last stage
    *.attn.qkv            the query, key and value projections

A pattern says the bits of a layer's weight, of the activations that it reads, or both. Where several patterns meet a
layer the last one counts. A tensor that several layers read is stored once: it gets the widest of what they ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.methods.method import Problem
from bittrue.calibration.mixed_bits import MixedBits, operand_groups
from bittrue.calibration.reading import readings
from bittrue.calibration.widths import MACS
from bittrue.spec.errors import BadInput

LEAST_BITS, MOST_BITS = 2, 16
"""Of weights and of activations, as in CalibrationOptions."""


@dataclass(frozen=True)
class LayerBits:
    """What one pattern asks for."""

    pattern: str
    """Over node names of the float graph; * stands for any text."""
    weight_bits: int | None = None
    activation_bits: int | None = None
    """Of what the layers read."""

    def check(self) -> None:
        """Refuse widths out of range."""
        for key, bits in (("weight_bits", self.weight_bits), ("activation_bits", self.activation_bits)):
            if bits is not None and not LEAST_BITS <= bits <= MOST_BITS:
                raise BadInput(
                    "a width is out of range",
                    where=f"layers {self.pattern}: {key}",
                    got=bits,
                    expected=f"{LEAST_BITS}..{MOST_BITS}",
                )


def layers_of(graph: FloatGraph, pattern: str) -> tuple[str, ...]:
    """Names of the layers that multiply and match a pattern. Raises BadInput where there is none."""
    known = [node.name for node in graph.nodes if node.kind in MACS]
    found = tuple(name for name in known if fnmatchcase(name, pattern))
    if not found:
        raise BadInput(
            "no layer of the model matches this pattern",
            where=f"layers {pattern}",
            got=graph.model,
            expected=f"a pattern over {known[0]}, {known[len(known) // 2]}, ... ({len(known)} layers)",
        )
    return found


def with_layer_bits(problem: Problem, found: MixedBits, layers: Sequence[LayerBits]) -> MixedBits:
    """Widths chosen by sensitivity, with those of the patterns in their place."""
    if not layers:
        return found
    weights, asked = dict(found.weights), dict[str, int]()
    for each in layers:
        each.check()
        names = layers_of(problem.graph, each.pattern)
        if each.weight_bits is not None:
            weights |= {name: each.weight_bits for name in names if name in problem.weight_bits}
        if each.activation_bits is not None:
            asked |= dict.fromkeys(names, each.activation_bits)
    return MixedBits(weights, {**found.tensors, **_operands(problem, found, asked)})


def _operands(problem: Problem, found: MixedBits, asked: dict[str, int]) -> dict[str, int]:
    """Widths of tensors, from what the layers that read them ask for; a group has one width, and a layer that asks for
    nothing keeps what it has."""
    widths: dict[str, int] = {}
    for group in operand_groups(problem):
        read_by = {
            reading.node.name
            for site in group
            for reading in readings(problem.graph, site, problem.free.copies)
            if reading.node.kind in MACS
        }
        bits = [asked[name] for name in read_by if name in asked]
        if bits:
            name = group[0].name
            kept = [found.tensors.get(name, problem.bits[name])] if read_by - set(asked) else []
            widths |= dict.fromkeys((site.name for site in group), max(bits + kept))
    return widths
