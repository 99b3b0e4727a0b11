"""Every mutant of a unit, in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bittrue.golden.mutants.operators.gates import gates
from bittrue.golden.mutants.operators.rules import rules
from bittrue.golden.mutants.units import ROWS, UnitWords
from bittrue.golden.mutants.words import Graph
from bittrue.spec.units.catalog import unit_form

Family = Literal["rule", "gate"]
LEAST = 200
"""Mutants of a unit, at least."""


@dataclass(frozen=True)
class Mutant:
    """One fault in one unit."""

    index: int
    family: Family
    operator: str
    wire: str
    detail: str
    graph: Graph

    @property
    def name(self) -> str:
        """For lists."""
        return f"{self.operator}({self.wire}{', ' if self.detail else ''}{self.detail})"


def mutants_of(unit: UnitWords, *, gates_at_most: int = 400) -> tuple[Mutant, ...]:
    """All rule mutants and as many gate mutants, `gates_at_most` or more; spread evenly over each gate operator.

    Equal units give equal lists. A mutant that is written twice (by two operators) counts once, as the first.
    """
    elements, varying = _reached(unit, ROW_PORTS, loops=False), _reached(unit, _driven(unit), loops=True)
    if unit.unit not in (*ROWS, "mac"):
        elements = frozenset()
    found: list[tuple[Family, tuple[str, str, str, Graph]]] = []
    seen: set[tuple[object, ...]] = set()
    for family, source in (("rule", rules(unit)), ("gate", gates(unit.graph, elements, varying))):
        for each in source:
            key = _difference(unit.graph, each[3])
            if key and key not in seen:
                seen.add(key)
                found.append((family, each))  # type: ignore[arg-type]
    planted = [each for family, each in found if family == "rule"]
    wired = [each for family, each in found if family == "gate"]
    wired = _spread(wired, max(gates_at_most, len(planted), LEAST - len(planted)))
    listed = [*(("rule", each) for each in planted), *(("gate", each) for each in wired)]
    return tuple(Mutant(i, family, *each) for i, (family, each) in enumerate(listed))  # type: ignore[arg-type]


ROW_PORTS = frozenset({"logits", "codes", "addends", "activations", "weights"})


def _driven(unit: UnitWords) -> frozenset[str]:
    """Ports that may bring another value with each vector; the others are loaded once."""
    ports = unit_form(unit.datapath, unit.unit).ports
    return frozenset(port.name for port in ports if port.axes[:1] in (("any",), ("rows",), ("m",)))


def _reached(unit: UnitWords, ports: frozenset[str], *, loops: bool) -> frozenset[str]:
    """Wires that depend on some ports; loops: also through a fold, whose result is one for a row."""
    found: set[str] = set()
    for node in unit.graph.nodes:
        if node.name in ports or ((loops or node.op != "fold") and found & set(node.inputs)):
            found.add(node.name)
    return frozenset(found)


def _difference(golden: Graph, mutated: Graph) -> tuple[object, ...]:
    """The nodes that are another; empty for none."""
    return tuple(node for node in mutated.nodes if golden.by_name.get(node.name) != node)


def _spread(found: list[tuple[str, str, str, Graph]], most: int) -> list[tuple[str, str, str, Graph]]:
    """At most so many, taken at even distances from each operator's list, small operators whole."""
    if most >= len(found):
        return found
    by_operator: dict[str, list[tuple[str, str, str, Graph]]] = {}
    for each in found:
        by_operator.setdefault(each[0], []).append(each)
    left, chosen = most, []
    for position, group in enumerate(sorted(by_operator.values(), key=len)):
        share = min(len(group), left // (len(by_operator) - position))
        left -= share
        chosen += [group[i * len(group) // share] for i in range(share)]
    return chosen
