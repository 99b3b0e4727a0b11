"""Rule mutants: someone understood the arithmetic otherwise. Rounding, saturation, signs, zero points, order, state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from bittrue.golden.mutants.operators.edit import Site, const, derived, moved, sites
from bittrue.golden.mutants.units import UnitWords, words_of
from bittrue.golden.mutants.words import CONTROLS, SOURCES, Fault, Graph, Node, Op
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.section import Width

Found = Iterator[tuple[str, str, str, Graph]]
"""(operator, wire, detail, mutated graph)."""

NARROWER = (1, 2, 4, 8)
CARRIES = (1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56)
TERMS = ("zero_point", "bias", "initial", "epsilon")
"""Ports that enter by one addition or subtraction."""
OTHER_DIVISIONS: dict[Op, tuple[Op, ...]] = {"divide": ("divide_up", "divide_near"), "root": ("root_up", "root_near")}


def rules(unit: UnitWords) -> Found:
    """Every rule mutant of a unit, class by class."""
    yield from _places(unit)
    for operator in (_clamps, _terms, _signs, _state, _shifts, _numbers, _narrower, _carries, _swaps, _divisions,
                     _reads, _orders):  # fmt: skip
        for site in sites(unit.graph):
            yield from operator(site)


def _places(unit: UnitWords) -> Found:
    """Another rounding or overflow rule at each place that has one: the graph is written anew."""
    for place, (kind, rule) in unit.places.items():
        others = [str(mode) for mode in Rounding] if kind == "rounding" else ["wrap", "saturate", "exact"]
        for other in others:
            if other != rule and not (rule == "refuse" and other == "exact"):
                again = words_of(unit.datapath, unit.unit, rules={place: other}, input_bits=unit.input_bits)
                yield kind, place, f"{other} for {rule}", again.graph


def _clamps(site: Site) -> Found:
    """Bounds one off, no clamp, a wrap in its place."""
    graph, node = site.inside, site.node
    above, below = graph.by_name.get(f"{node.name}.above"), graph.by_name.get(f"{node.name}.below")
    if above is None:
        return
    raised = graph.by_name.get(f"{node.name}.raised")
    ends = {"high": [above, node], "low": [each for each in (below, raised) if each is not None]}
    for end, users in ends.items():
        if not users:
            continue
        bound = graph.by_name[users[0].inputs[0 if end == "high" else 1]]
        for by in (1, -1):
            first, rest = (replace(user, inputs=_with(user, bound.name, f"{bound.name}'")) for user in users)
            changed = graph.with_nodes(first.name, [*moved(bound, by), first]).with_nodes(rest.name, [rest])
            yield "clamp_bound", site.name, f"{end} {by:+d}", site.put(changed)
    value = above.inputs[1] if below is None else below.inputs[0]
    yield "no_clamp", site.name, "", site.changed(op="wire", inputs=(value,))
    for bits, signed in ((8, 1), (8, 0), (9, 1)):
        numbers = (bits, signed)
        detail = f"to {bits} bits, {'' if signed else 'un'}signed"
        yield "wrap_for_clamp", site.name, detail, site.changed(op="wrap", inputs=(value,), numbers=numbers)


def _with(node: Node, old: str, new: str) -> tuple[str, ...]:
    return tuple(new if name == old else name for name in node.inputs)


def _terms(site: Site) -> Found:
    """A zero point, bias, epsilon or sum that is missing, negated, or added twice."""
    if site.node.op not in ("add", "sub"):
        return
    for index in range(2):
        term = site.input(index)
        named = term.op == "port" and term.name.startswith(TERMS)
        if not named and index == 0:
            continue
        yield "missing_term", site.name, term.name, site.with_input(index, lambda node: [const(0)])
        yield "doubled_term", site.name, term.name, site.with_input(index, lambda node: [derived(node, "add", node)])
        minus = site.with_input(
            index, lambda node: [const(0), replace(derived(const(0), "sub", node), name=f"{node.name}'")]
        )
        yield "negated_term", site.name, term.name, minus


def _signs(site: Site) -> Found:
    """An operand read with the other sign: unsigned for signed, sign-extended for unsigned."""
    if site.node.op not in ("add", "sub", "mul", "shr", "lt", "divide", "read"):
        return
    for index in range(len(site.node.inputs)):
        width = site.input(index).width
        if site.input(index).op == "const" or width.bits > 63:
            continue
        other = Width(width.bits, not width.signed)
        detail = f"{site.input(index).name} {'signed' if other.signed else 'unsigned'}"
        yield "signedness", site.name, detail, site.with_input(index, partial(_reread, width=other))


def _reread(node: Node, *, width: Width) -> list[Node]:
    return [derived(node, "wrap", numbers=(width.bits, int(width.signed)), width=width)]


def _shifts(site: Site) -> Found:
    """An amount of a shift that is one more or less."""
    if site.node.op in ("shl", "shr"):
        for by in (1, -1):
            yield "shift_amount", site.name, f"{by:+d}", site.with_input(1, partial(moved, by=by))


def _numbers(site: Site) -> Found:
    """A constant, or a sum, that is one more or less."""
    for index, name in enumerate(site.node.inputs):
        node = site.inside.by_name[name]
        if node.op == "const":
            for by in (1, -1):
                yield (
                    "constant",
                    site.name,
                    f"{name} {by:+d}",
                    site.with_input(index, partial(moved, by=by)),
                )
    if site.node.op in ("root", "divide", "add", "mul"):
        for user in site.inside.users(site.node.name)[:1]:
            at = user.inputs.index(site.node.name)
            there = Site(site.graph, site.fold, user)
            for by in (1, -1):
                yield "result", site.name, f"{by:+d}", there.with_input(at, partial(moved, by=by))


def _narrower(site: Site) -> Found:
    """A register that is some bits narrower."""
    if site.node.op not in ("const", *CONTROLS):
        for bits in NARROWER:
            if bits < site.node.width.bits:
                yield "narrower", site.name, f"{bits} bits", site.faulty(Fault("narrower", (bits,)))


def _carries(site: Site) -> Found:
    """An adder that loses the carry between two slices."""
    if site.node.op == "add":
        for bit in CARRIES:
            if bit < site.node.width.bits - 1:
                yield "lost_carry", site.name, f"into bit {bit}", site.changed(op="add_broken_carry", numbers=(bit,))


def _swaps(site: Site) -> Found:
    """Operands that change places."""
    node = site.node
    if node.op in ("sub", "lt", "shl", "shr", "divide"):
        yield "operands_swapped", site.name, "", site.changed(inputs=(node.inputs[1], node.inputs[0]))


def _divisions(site: Site) -> Found:
    """A quotient or a root rounded otherwise."""
    for other in OTHER_DIVISIONS.get(site.node.op, ()):
        yield "division_rounding", site.name, other, site.changed(op=other)


def _reads(site: Site) -> Found:
    """A table read one entry off."""
    if site.node.op == "read":
        for by in (1, -1):
            yield "table_entry", site.name, f"{by:+d}", site.with_input(1, partial(moved, by=by))


def _state(site: Site) -> Found:
    """A loop that starts from the last vector's result, or leaves out its first or last element; a tile not cleared."""
    node = site.node
    if node.op == "tile_first":
        yield "stale_partial_sum", site.name, "not cleared at a tile", site.faulty(Fault("stuck_at_0", (0,)))
    if node.op != "fold" or node.body is None:
        return
    start = site.input(0)
    before = Node(f"{node.name}.stale", "wire", (start.name,), node.width, node.interval,
                  fault=Fault("previous_vector", (), node.name))  # fmt: skip
    yield "stale_accumulator", site.name, "", site.with_input(0, lambda node: [before])
    for by in (1, -1):
        yield "initial_value", site.name, f"{by:+d}", site.with_input(0, partial(moved, by=by))
    if start.interval != (0, 0):
        yield "initial_value", site.name, "0", site.with_input(0, lambda node: [const(0)])
    for control in ("first", "last"):
        yield f"{control}_element_ignored", site.name, "", site.changed(body=_ignoring(node.body, control))


def _ignoring(body: Graph, control: str) -> Graph:
    """A body that keeps its state where a control is 1."""
    one = Width(1, False)
    has = [node.name for node in body.nodes if node.op == control]
    flag = has[0] if has else f"'{control}"
    new = [] if has else [Node(flag, control, (), one, (0, 1))]  # type: ignore[arg-type]
    after = []
    states = {node.numbers[0]: node for node in body.nodes if node.op == "state"}
    for i, name in enumerate(body.outputs):
        state = states[i]
        after.append(Node(f"'{name}", "select", (flag, state.name, name), state.width, state.interval))
    return Graph((*body.nodes, *new, *after), tuple(node.name for node in after), body.ordered)


def _orders(site: Site) -> Found:
    """Weights, biases and codes that arrive in another order."""
    node = site.node
    if site.fold or node.op not in ("port", "sub") or (node.op in SOURCES and not _arrays(site)):
        return
    if node.name in ("weights", "bias") and "weights" in site.graph.by_name:
        yield "lanes", site.name, "neighbours swapped", site.faulty(Fault("swapped_lanes"))
        yield "lanes", site.name, "reversed", site.faulty(Fault("reversed_lanes"))
    if node.name == "weights":
        for side in (16, 4):
            yield "transposed", site.name, f"tiles of {side}", site.faulty(Fault("transposed", (side,)))
    if node.name in ("weights", "activations"):
        yield "elements_rotated", site.name, "", site.faulty(Fault("rotated_elements"))


def _arrays(site: Site) -> bool:
    return bool(site.graph.users(site.node.name))
