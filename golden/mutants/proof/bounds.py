"""Equivalence by bounds alone: a fault of bits that no value of its wire has, proved from the ports' intervals."""

from __future__ import annotations

from bittrue.golden.mutants.words import Fault, Graph, Node, dirty, holds, width_of
from bittrue.spec.units.section import Width


def by_bounds(golden: Graph, mutated: Graph) -> bool:
    """Whether the graphs differ by a fault on one wire only, and that cannot change a value in its interval."""
    faulty = [
        node for node in mutated.nodes if node.name in dirty(golden, mutated) and node != golden.by_name.get(node.name)
    ]
    if len(faulty) != 1 or faulty[0].name not in golden.by_name:
        return False
    node, old = faulty[0], golden.by_name[faulty[0].name]
    if node.body is not None and old.body is not None and node.body != old.body:
        return node.inputs == old.inputs and by_bounds(old.body, node.body)
    return node.fault is not None and _same_but_fault(node, old) and harmless(node.fault, node)


def _same_but_fault(node: Node, old: Node) -> bool:
    return (node.op, node.inputs, node.numbers, node.width) == (old.op, old.inputs, old.numbers, old.width)


def harmless(fault: Fault, node: Node) -> bool:
    """Whether a fault leaves every value of a wire's interval as it is."""
    low, high = node.interval
    needed = width_of(node.interval)
    value_bits = needed.bits - 1 if needed.signed else needed.bits
    if fault.kind == "narrower":
        return holds(Width(node.width.bits - fault.numbers[0], node.width.signed), node.interval)
    if fault.kind == "stuck_at_0":
        return low >= 0 and fault.numbers[0] >= value_bits
    if fault.kind == "stuck_at_1":
        return high < 0 and fault.numbers[0] >= value_bits
    if fault.kind == "swapped_bits":
        return min(fault.numbers) >= value_bits  # copies of the sign
    return low == high and fault.kind in ("previous_vector", "first_vector", "previous_element")
