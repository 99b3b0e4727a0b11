"""A unit as a graph of words: nodes, named wires, declared widths. What mutants are planted in.

A node makes one wire. Wires are integers in registers of a declared width; `interval` is what the unmutated wire can
be, proved from the ports' intervals. Arrays have three axes [vectors, elements of a row, lanes]; elementwise units have
one element and one lane. A `fold` is the only loop: its body is a graph of its own, run once an element.

| op | inputs | numbers | makes |
|---|---|---|---|
| port | | | an array that is driven, or a constant |
| const | | value | the number |
| wire | a | | a |
| add sub mul and or xor | a, b | | two's complement, 64 bits, then the declared width |
| add_broken_carry | a, b | k | a + b whose carry out of bit k - 1 is lost |
| shl shr | a, amount | | left; right, arithmetic |
| lt le eq | a, b | | 1 or 0 |
| select | c, a, b | | a if c else b |
| wrap | a | bits, signed | the low bits of a |
| divide divide_up divide_near | a, b | | a / b of naturals, floor, ceiling, nearest; all ones for b = 0 |
| root root_up root_near | a | | the square root of a natural, floor, ceiling, nearest |
| read | memory, address | | an entry; 0 outside |
| fold | initial states, elements | states, tile | the first state after the last element |
| state element | | which | inside a body |
| first last tile_first tile_last | | | inside a body: 1 or 0 |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from bittrue.spec.units.section import Width

Op = Literal[
    "port", "const", "wire", "add", "sub", "mul", "and", "or", "xor", "add_broken_carry", "shl", "shr", "lt", "le",
    "eq", "select", "wrap", "divide", "divide_up", "divide_near", "root", "root_up", "root_near", "read", "fold",
    "state", "element", "first", "last", "tile_first", "tile_last",
]  # fmt: skip
Interval = tuple[int, int]
CONTROLS: tuple[Op, ...] = ("first", "last", "tile_first", "tile_last")
FACT = "fact."
"""How wires begin that only say what is true."""
SOURCES: tuple[Op, ...] = ("port", "const", "state", "element", *CONTROLS)
"""Nodes without inputs."""

FaultKind = Literal[
    "stuck_at_0", "stuck_at_1", "inverted_bit", "swapped_bits", "narrower", "previous_vector", "previous_element",
    "first_vector", "swapped_lanes", "reversed_lanes", "rotated_elements", "transposed",
]  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """What is wrong with one wire; numbers: the bits concerned, or by how many bits it is narrower."""

    kind: FaultKind
    numbers: tuple[int, ...] = ()
    wire: str = ""
    """previous_vector: the wire whose former value is seen, if another than this one."""


@dataclass(frozen=True)
class Node:
    """One wire and what makes it."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    width: Width
    interval: Interval
    numbers: tuple[int, ...] = ()
    body: Graph | None = None
    fault: Fault | None = None


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which each finds its inputs."""

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    """Stages in order, "output" last; of a body: the next states."""
    ordered: tuple[tuple[str, str], ...] = field(default=())
    """Pairs of ports of which the first is at most the second in every vector."""

    one_at_least: tuple[tuple[int, tuple[str, ...]], ...] = field(default=())
    """Ports of which one is at least so large in every vector."""
    facts: tuple[str, ...] = field(default=())
    """Wires that are 1 in every vector, by the contract: what intervals cannot say. A proof may lean on them; no mutant
    is planted in them (FACT)."""

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """Nodes by their wires."""
        return {node.name: node for node in self.nodes}

    def with_nodes(self, name: str, new: Iterable[Node]) -> Graph:
        """The graph with one node replaced by others, of which one bears its name."""
        at = next(i for i, node in enumerate(self.nodes) if node.name == name)
        return replace(self, nodes=(*self.nodes[:at], *new, *self.nodes[at + 1 :]))

    def users(self, name: str) -> list[Node]:
        """Nodes that read a wire."""
        return [node for node in self.nodes if name in node.inputs]


def width_of(interval: Interval) -> Width:
    """The narrowest register of an interval; unsigned where nothing is negative."""
    low, high = interval
    if low >= 0:
        return Width(max(1, high.bit_length()), False)
    return Width(max((-low - 1).bit_length(), high.bit_length()) + 1, True)


def holds(width: Width, interval: Interval) -> bool:
    """Whether a register holds everything in an interval."""
    low, high = interval
    if width.signed:
        return -(1 << (width.bits - 1)) <= low and high < 1 << (width.bits - 1)
    return low >= 0 and high < 1 << width.bits


def dirty(golden: Graph, mutated: Graph) -> frozenset[str]:
    """Wires of the mutated graph whose definition, or that of anything before them, is another."""
    found: set[str] = set()
    for node in mutated.nodes:
        old = golden.by_name.get(node.name)
        if (old is not node and old != node) or any(name in found for name in node.inputs):
            found.add(node.name)
    return frozenset(found)
