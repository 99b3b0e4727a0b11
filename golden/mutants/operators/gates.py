"""Gate mutants: faults of wires and gates, of which no rule and no directed vector knows anything."""

from __future__ import annotations

from collections.abc import Iterator

from bittrue.golden.mutants.operators.edit import Site, const, derived, sites
from bittrue.golden.mutants.words import CONTROLS, Fault, FaultKind, Graph, Op

Found = Iterator[tuple[str, str, str, Graph]]
"""(operator, wire, detail, mutated graph)."""

REPLACED: dict[Op, tuple[Op, ...]] = {
    "add": ("or", "xor", "sub", "and"),
    "sub": ("add", "xor"),
    "mul": ("add", "and"),
    "and": ("or", "xor"),
    "or": ("and", "xor"),
    "xor": ("or", "and"),
    "shl": ("shr",),
    "shr": ("shl",),
    "lt": ("le", "eq"),
    "divide": ("shr",),
}
WIRES = 4
"""Wrong wires tried for an input."""
MEMORY = "table"


def gates(graph: Graph, row_elements: frozenset[str], varying: frozenset[str]) -> Found:
    """Every gate mutant of a graph, class by class.

    row_elements: wires that have a value for each element of a row; varying: those that can differ between vectors.
    """
    for kind in ("stuck_at_0", "stuck_at_1", "inverted_bit"):
        for site in _wires(graph):
            for bit in range(site.node.width.bits):
                yield kind, site.name, f"bit {bit}", site.faulty(Fault(kind, (bit,)))
    for site in _wires(graph):
        for bit in range(site.node.width.bits - 1):
            yield (
                "swapped_bits",
                site.name,
                f"bits {bit} and {bit + 1}",
                site.faulty(Fault("swapped_bits", (bit, bit + 1))),
            )
    for site in sites(graph):
        yield from _wrong_wire(site, row_elements)
        yield from _gate(site)
        yield from _select(site)
        yield from _hazard(site, row_elements, varying)


def _wires(graph: Graph) -> Iterator[Site]:
    return (site for site in sites(graph) if site.node.op != "const")


def _wrong_wire(site: Site, row_elements: frozenset[str]) -> Found:
    """An input that is taken from another register of the same width."""
    earlier = {}
    for node in site.inside.nodes:
        if node.name == site.node.name:
            break
        earlier[node.name] = node
    for index, name in enumerate(site.node.inputs):
        if site.node.op in ("fold", "read") and index == 0:
            continue
        width = site.input(index).width
        others = [
            n for n in earlier.values() if n.name != name and n.width == width and n.op not in ("const", *CONTROLS)
        ]
        alike = [n for n in others if n.name != MEMORY and (n.name in row_elements) == (name in row_elements)]
        for other in alike[-WIRES:]:
            inputs = list(site.node.inputs)
            inputs[index] = other.name
            yield "wrong_wire", site.name, f"{other.name} for {name}", site.changed(inputs=tuple(inputs))


def _gate(site: Site) -> Found:
    for other in REPLACED.get(site.node.op, ()):
        yield "wrong_gate", site.name, f"{other} for {site.node.op}", site.changed(op=other)


def _select(site: Site) -> Found:
    """A condition inverted, the arms of a select exchanged, one arm always taken."""
    node = site.node
    if node.op in ("lt", "le", "eq"):
        for user in site.inside.users(node.name)[:1]:
            there, at = Site(site.graph, site.fold, user), user.inputs.index(node.name)
            yield (
                "inverted_condition",
                site.name,
                "",
                there.with_input(at, lambda n: [const(1), derived(n, "xor", const(1))]),
            )
    if node.op == "select":
        yield "swapped_arms", site.name, "", site.changed(inputs=(node.inputs[0], node.inputs[2], node.inputs[1]))
        for arm in (1, 2):
            yield "one_arm", site.name, node.inputs[arm], site.changed(op="wire", inputs=(node.inputs[arm],))


def _hazard(site: Site, row_elements: frozenset[str], varying: frozenset[str]) -> Found:
    """A register that still holds the value before: of the last vector, of the last element, of the first vector."""
    node = site.node
    if site.fold or node.name not in varying:
        return
    kinds: list[FaultKind] = ["previous_vector", "first_vector"]
    if node.name in row_elements:
        kinds.append("previous_element")
    for kind in kinds:
        yield kind, site.name, "", site.changed(fault=Fault(kind))
