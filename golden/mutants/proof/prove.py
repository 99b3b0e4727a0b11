"""Equivalence of a mutant over the whole declared domain: by bounds, or by a solver with cut points.

Wires are compared in the order of the graph. What is before a multiplier, divider, root, memory or loop that the fault
does not touch is cut off: its result may be any number of its proved interval, which can only make the claim harder. A
wire that is proved equal counts as untouched from there on. A loop is compared by induction over its steps: from the
initial states, and from any equal states in their intervals. No length of a row enters.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from bittrue.golden.mutants.operators import Mutant
from bittrue.golden.mutants.proof.backend import Backend
from bittrue.golden.mutants.proof.bounds import by_bounds
from bittrue.golden.mutants.words import CONTROLS, FACT, Graph, Node

ProofKind = Literal["bounds", "sat"]
HARD = ("mul", "divide", "divide_up", "divide_near", "root", "root_up", "root_near", "read", "fold")
BIT_FAULTS = ("stuck_at_0", "stuck_at_1", "inverted_bit", "swapped_bits", "narrower")


class Undecided(Exception):
    """A wire that has no symbolic value here: a loop with other states."""


def proved(golden: Graph, mutant: Mutant, *, backend: Callable[[], Backend[Any]], seconds: float) -> ProofKind | None:
    """How a mutant was proved equivalent; None where it was not. seconds: of each question to the solver."""
    if by_bounds(golden, mutant.graph):
        return "bounds"
    return "sat" if by_solver(golden, mutant.graph, backend=backend, seconds=seconds) else None


def by_solver(golden: Graph, mutated: Graph, *, backend: Callable[[], Backend[Any]], seconds: float) -> bool:
    """Whether every stage of two graphs is proved equal."""
    touched: set[str] = set()
    first_touched: set[str] = set()
    for node in mutated.nodes:
        if node.name.startswith(FACT):
            continue
        old = golden.by_name.get(node.name)
        same = old is node or old == node
        if same and not touched & set(node.inputs):
            continue
        touched.add(node.name)
        if old is None:
            continue
        asked = not same or node.name in golden.outputs or bool(first_touched & set(node.inputs)) or node.op == "fold"
        if not same:
            first_touched.add(node.name)
        if asked:
            try:
                if _equal(golden, mutated, node.name, frozenset(touched), backend, seconds):
                    touched.discard(node.name)
            except Undecided:
                pass
        unknown = node.op == "fold" and not _only_fault(old, node, touched)
        if node.name in touched and (unknown or node.name in golden.outputs):
            return False
    return not touched & set(golden.outputs)


def _only_fault(old: Node, node: Node, touched: Collection[str]) -> bool:
    """Whether a wire is made as it should be, from what it should be, and only then goes wrong."""
    return replace(node, fault=None) == old and node != old and not set(touched) & set(node.inputs)


def _equal(
    golden: Graph,
    mutated: Graph,
    name: str,
    touched: frozenset[str],
    backend: Callable[[], Backend[Any]],
    seconds: float,
) -> bool:
    old, node = golden.by_name[name], mutated.by_name[name]
    if old.op == "fold" and not _only_fault(old, node, touched):
        return _equal_folds(golden, mutated, name, touched, backend, seconds)
    solver = backend()
    scope = Scope(golden, mutated, touched, solver)
    return solver.equal([(scope.golden(name), scope.mutated(name))], seconds) is True


@dataclass
class Step:
    """What a body knows of the loop around it, for one side."""

    states: list[Any]
    elements: list[Any]
    controls: dict[str, Any]


class Scope:
    """Symbolic values of the wires of two graphs; untouched wires have one value for both."""

    def __init__(self, golden: Graph, mutated: Graph, touched: frozenset[str], solver: Backend[Any]) -> None:
        self.graphs = golden, mutated
        self.touched = touched
        known = golden.by_name
        nodes = [node for node in mutated.nodes if node.name in touched and node.name in known]
        self.cut = frozenset(node.name for node in nodes if _only_fault(known[node.name], node, touched))
        """Faulty wires whose value before the fault may be cut off like an untouched one's."""
        self.solver = solver
        self.known: dict[tuple[int, str], Any] = {}
        self.steps: tuple[Step, Step] | None = None
        for low, high in golden.ordered:
            solver.at_most(self.golden(low), self.golden(high))
        for fact in golden.facts:
            with suppress(Undecided):  # it says something of a loop that the fault is in
                solver.between(self.golden(fact), 1, 1)

    def golden(self, name: str) -> Any:
        """A wire of the graph as it should be."""
        return self._value(0, name)

    def mutated(self, name: str) -> Any:
        """A wire of the mutant."""
        return self._value(1, name)

    def _value(self, side: int, name: str) -> Any:
        alone = name in self.touched
        key = (side if alone else 0, name)
        if key not in self.known:
            node = self.graphs[key[0]].by_name[name]
            cut = name in self.cut
            value = self._value(0, name) if cut and key[0] else self._made(key[0], node, alone and not cut)
            if key[0] == 0:
                self.solver.between(value, *node.interval)
            self.known[key] = self._fault(node, value) if node.fault is not None else value
        return self.known[key]

    def _made(self, side: int, node: Node, alone: bool) -> Any:
        if node.op == "const":
            return self.solver.constant(node.numbers[0])
        if self.steps is not None and node.op in ("state", "element", *CONTROLS):
            step = self.steps[side]
            if node.op in CONTROLS:
                return step.controls[node.op]
            return (step.states if node.op == "state" else step.elements)[node.numbers[0]]
        if node.op == "port":
            return self.golden(node.name) if side else self.solver.variable(node.name)
        if node.op in HARD and not alone:
            return self.solver.variable(node.name)
        if node.op == "fold":
            raise Undecided
        if node.op == "read":
            return self._read(side, node)
        inputs = [self._value(side, each) for each in node.inputs]
        if node.op == "wire" and self.graphs[side].by_name[node.inputs[0]].width == node.width:
            return inputs[0]  # the same register: what reads it asks nothing new of the solver
        return self.solver.apply(node, inputs)

    def _read(self, side: int, node: Node) -> Any:
        """An entry is any function of the address; what changes a memory changes each entry alike."""
        memory, address = node.inputs
        return self.solver.apply(node, [lambda at: self._entry(side, memory, at), self._value(side, address)])

    def _entry(self, side: int, name: str, address: Any) -> Any:
        node = self.graphs[side].by_name[name]
        if node.op == "port":
            key = (0, f"memory {name}")
            if key not in self.known:
                self.known[key] = self.solver.memory(name)
            entry = self.known[key](address)
            self.solver.between(entry, *self.graphs[0].by_name[name].interval)
        else:
            entry = self.solver.apply(node, [self._entry(side, each, address) for each in node.inputs])
        return entry if node.fault is None else self._fault(node, entry)

    def _fault(self, node: Node, value: Any) -> Any:
        assert node.fault is not None
        if node.fault.kind in BIT_FAULTS:
            return self.solver.fault(node.fault, node.width, value)
        before = self.solver.variable(f"{node.name} before")
        self.solver.between(before, *node.interval)
        return before


def _equal_folds(
    golden: Graph,
    mutated: Graph,
    name: str,
    touched: frozenset[str],
    backend: Callable[[], Backend[Any]],
    seconds: float,
) -> bool:
    """Induction: the first step from both initial states, then any step from equal states."""
    nodes = golden.by_name[name], mutated.by_name[name]
    if nodes[1].fault is not None or nodes[0].numbers != nodes[1].numbers:
        return False
    return all(_equal_step(golden, mutated, nodes, touched, backend(), seconds, first) for first in (True, False))


def _equal_step(
    golden: Graph, mutated: Graph, nodes: tuple[Node, Node], touched: frozenset[str], solver: Backend[Any],
    seconds: float, first: bool,
) -> bool:  # fmt: skip
    around = Scope(golden, mutated, touched, solver)
    states, tile = nodes[0].numbers
    bodies = nodes[0].body, nodes[1].body
    assert bodies[0] is not None and bodies[1] is not None
    controls = {"first": solver.constant(int(first)), **_flags(solver, first=first, tile=tile)}
    common = [_state(solver, node) for node in sorted(_states(bodies[0]), key=lambda node: node.numbers)]
    sides = []
    for side, value in enumerate((around.golden, around.mutated)):
        inputs = [value(each) for each in nodes[side].inputs[states:]]
        begin = [value(each) for each in nodes[side].inputs[:states]] if first else common
        sides.append(Step(begin, inputs, controls))
    differing = frozenset(node.name for node in bodies[1].nodes)
    inside = Scope(bodies[0], bodies[1], differing, solver)
    inside.steps = sides[0], sides[1]
    pairs = [
        (inside.golden(one), inside.mutated(other))
        for one, other in zip(bodies[0].outputs, bodies[1].outputs, strict=True)
    ]
    return solver.equal(pairs, seconds) is True


def _flags(solver: Backend[Any], *, first: bool, tile: int) -> dict[str, Any]:
    """The controls of one step: free, but for what the loop says of them."""
    found = {}
    for control in ("last", "tile_first", "tile_last"):
        fixed = tile == 1 or (control == "tile_first" and first)
        found[control] = solver.constant(1) if fixed and control != "last" else solver.variable(control)
        solver.between(found[control], 0, 1)
    solver.at_most(found["last"], found["tile_last"])
    return found


def _states(body: Graph) -> Iterable[Node]:
    return (node for node in body.nodes if node.op == "state")


def _state(solver: Backend[Any], node: Node) -> Any:
    value = solver.variable(node.name)
    solver.between(value, *node.interval)
    return value
