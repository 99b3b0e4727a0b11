"""Edits of a graph: what every operator is made of. Sites are wires; FOLD/WIRE is one inside a fold's body."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from bittrue.golden.mutants.intervals import interval_of
from bittrue.golden.mutants.words import FACT, Fault, Graph, Node, Op, width_of
from bittrue.spec.units.section import Width


@dataclass(frozen=True)
class Site:
    """One wire of a graph, or of a body in it."""

    graph: Graph
    """The whole graph."""
    fold: str
    """The fold whose body the wire is in; "" for the graph itself."""
    node: Node

    @property
    def name(self) -> str:
        """As in lists of mutants."""
        return f"{self.fold}/{self.node.name}" if self.fold else self.node.name

    @property
    def inside(self) -> Graph:
        """The graph that holds the wire."""
        if not self.fold:
            return self.graph
        body = self.graph.by_name[self.fold].body
        assert body is not None
        return body

    def input(self, index: int) -> Node:
        """The node that makes one of the inputs."""
        return self.inside.by_name[self.node.inputs[index]]

    def put(self, inside: Graph) -> Graph:
        """The whole graph with another one here."""
        if not self.fold:
            return inside
        return self.graph.with_nodes(self.fold, [replace(self.graph.by_name[self.fold], body=inside)])

    def become(self, *nodes: Node) -> Graph:
        """The whole graph with this wire made otherwise."""
        return self.put(self.inside.with_nodes(self.node.name, nodes))

    def changed(self, **fields: object) -> Graph:
        """The whole graph with other fields of this node."""
        return self.become(replace(self.node, **fields))  # type: ignore[arg-type]

    def faulty(self, fault: Fault) -> Graph:
        """The whole graph with a fault on this wire."""
        return self.changed(fault=fault)

    def with_input(self, index: int, make: Callable[[Node], Sequence[Node]]) -> Graph:
        """The whole graph where this node reads, instead of an input, the last of new nodes made from it."""
        new = make(self.input(index))
        inputs = list(self.node.inputs)
        inputs[index] = new[-1].name
        known = self.inside.by_name
        return self.become(*(node for node in new if node.name not in known), replace(self.node, inputs=tuple(inputs)))


def sites(graph: Graph) -> Iterator[Site]:
    """Every wire of the design, bodies included, in order."""
    for node in graph.nodes:
        if node.name.startswith(FACT):
            continue
        yield Site(graph, "", node)
        if node.body is not None:
            for inner in node.body.nodes:
                yield Site(graph, node.name, inner)


def const(value: int) -> Node:
    """A number that is not in the graph."""
    return Node(f"'{value}", "const", (), width_of((value, value)), (value, value), (value,))


def derived(of: Node, op: Op, *others: Node, numbers: tuple[int, ...] = (), width: Width | None = None) -> Node:
    """A new wire computed from one and others, as wide as it needs to be."""
    inputs = (of, *others)
    interval = interval_of(op, [node.interval for node in inputs], numbers)
    wanted = width or width_of(interval)
    register = Width(min(wanted.bits, 64 if wanted.signed else 63), wanted.signed)
    return Node(f"{of.name}'", op, tuple(node.name for node in inputs), register, interval, numbers)


def moved(node: Node, by: int) -> list[Node]:
    """A wire plus a number, in a register that holds the sum."""
    number = const(by)
    return [number, derived(node, "add", number)]
