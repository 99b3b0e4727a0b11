"""Writing a graph of words: one call a wire, widths from the intervals, and the places where a rule can be another."""

from __future__ import annotations

from collections.abc import Mapping

from bittrue.golden.mutants.intervals import interval_of
from bittrue.golden.mutants.words import FACT, Graph, Interval, Node, Op, holds, width_of
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.section import Width


class Words:
    """A graph while it is written. Methods return the wire's name, for the next call."""

    def __init__(self, rules: Mapping[str, str] | None = None) -> None:
        """Rules: by place, the rounding or overflow rule that stands there instead."""
        self.nodes: list[Node] = []
        self.rules = dict(rules or {})
        self.places: dict[str, tuple[str, str]] = {}
        """By place: ("rounding" | "overflow", the rule that it has)."""
        self.bodies: dict[str, Words] = {}
        self.ordered: list[tuple[str, str]] = []
        self.one_at_least: list[tuple[int, tuple[str, ...]]] = []
        self.facts: list[str] = []

    def body(self, fold: str) -> Words:
        """A body to be written; its places are the graph's, as FOLD/PLACE."""
        inner = Words(
            {place[len(fold) + 1 :]: rule for place, rule in self.rules.items() if place.startswith(f"{fold}/")}
        )
        self.bodies[fold] = inner
        return inner

    def all_places(self) -> dict[str, tuple[str, str]]:
        """Places of the graph and of its bodies."""
        inside = {f"{fold}/{name}": place for fold, body in self.bodies.items() for name, place in body.places.items()}
        return {**self.places, **inside}

    def node(
        self,
        name: str,
        op: Op,
        *inputs: str,
        numbers: tuple[int, ...] = (),
        proved: Interval | None = None,
        width: Width | None = None,
        body: Graph | None = None,
    ) -> str:
        """One wire. proved: a tighter interval than that of its inputs, by the contract; width: of a register that is
        wider than its interval needs. A "wire" is as wide as its input."""
        by_name = {each.name: each for each in self.nodes}
        interval = proved or interval_of(op, [by_name[each].interval for each in inputs], numbers)
        register = width or (by_name[inputs[0]].width if op == "wire" else width_of(interval))
        assert name not in by_name and holds(register, interval), (name, interval, register)
        assert register.bits <= (64 if register.signed else 63), (name, register)
        self.nodes.append(Node(name, op, inputs, register, interval, numbers, body))
        return name

    def port(self, name: str, low: int, high: int) -> str:
        """An array from outside, with what it may hold."""
        return self.node(name, "port", proved=(low, high))

    def const(self, value: int) -> str:
        """A number; one node for each."""
        name = f"const_{value}" if value >= 0 else f"const_minus_{-value}"
        if any(each.name == name for each in self.nodes):
            return name
        return self.node(name, "const", numbers=(value,))

    def either(self, name: str, *cases: tuple[Op, str, str]) -> None:
        """A fact of the contract that no interval can say: one of some comparisons of wires holds in every vector."""
        holds = [self.node(f"{FACT}{name}.{i}", op, *wires, proved=(0, 1)) for i, (op, *wires) in enumerate(cases)]
        whole = holds[0]
        for i, each in enumerate(holds[1:]):
            whole = self.node(f"{FACT}{name}.or_{i}", "or", whole, each, proved=(0, 1))
        self.facts.append(whole)

    def interval(self, name: str) -> Interval:
        """What a wire can be."""
        return next(each.interval for each in self.nodes if each.name == name)

    def clamp(self, name: str, value: str, low: str, high: str, proved: Interval | None = None) -> str:
        """The nearest number of low..high."""
        below = self.node(f"{name}.below", "lt", value, low)
        raised = self.node(f"{name}.raised", "select", below, low, value)
        above = self.node(f"{name}.above", "lt", high, raised)
        return self.node(name, "select", above, high, raised, proved=proved)

    def hold(self, name: str, value: str, bits: int, rule: str) -> str:
        """What a two's complement register keeps: rule "wrap", "saturate", or neither ("exact", "refuse")."""
        self.places[name] = ("overflow", rule)
        rule = self.rules.get(name, rule)
        if rule == "wrap":
            return self.node(name, "wrap", value, numbers=(bits, 1))
        if rule == "saturate":
            ends = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
            low, high = (self.const(end) for end in ends)
            inside = self.interval(value)
            proved = max(inside[0], ends[0]), min(inside[1], ends[1])
            return self.clamp(name, value, low, high, proved)
        return self.node(name, "wire", value)

    def round_shift(
        self,
        name: str,
        value: str,
        shift: str,
        mode: str,
        proved: Interval | None = None,
        summed: Interval | None = None,
    ) -> str:
        """value / 2**shift by a rounding rule of docs/arithmetic.md; the value itself for a shift of 0. proved: of the
        result; summed: of what is shifted, where the contract knows more than the intervals."""
        self.places[name] = ("rounding", str(mode))
        mode = Rounding(self.rules.get(name, mode))
        if proved is None:
            (low, high), least = self.interval(value), self.interval(shift)[0]
            proved = min(low >> least, 0) - 1, max(high >> least, 0) + 1  # rounding moves a quotient by less than 1
        if mode == Rounding.FLOOR:
            return self.node(name, "shr", value, shift, proved=proved)
        step = self.node(f"{name}.step", "shl", self.const(1), shift)
        if mode == Rounding.TOWARD_ZERO:
            rest = self.node(f"{name}.rest", "sub", step, self.const(1))
            negative = self.node(f"{name}.negative", "lt", value, self.const(0))
            added = self.node(f"{name}.added", "select", negative, rest, self.const(0))
        else:
            half = self.node(f"{name}.half", "shr", step, self.const(1))
            added = self._nearest(name, value, shift, half, mode)
        total = self.node(f"{name}.sum", "add", value, added, proved=summed or self._sum(value, shift))
        return self.node(name, "shr", total, shift, proved=proved)

    def _sum(self, value: str, shift: str) -> Interval | None:
        """A sum in front of the shift stays within 63 bits and a sign: the unit refuses what does not."""
        low, high = self.interval(value)
        reach = (1 << self.interval(shift)[1]) // 2 + (1 << 30)
        return max(low - reach, -(1 << 63)), min(high + reach, (1 << 63) - 1)

    def _nearest(self, name: str, value: str, shift: str, half: str, mode: Rounding) -> str:
        if mode == Rounding.HALF_UP:
            return half
        zero = self.const(0)
        negative = self.node(f"{name}.negative", "lt", value, zero)
        if mode == Rounding.TOSA_DOUBLE:
            long = self.node(f"{name}.long", "lt", self.const(31), shift)
            nudge = self.node(f"{name}.nudge", "select", negative, self.const(-(1 << 30)), self.const(1 << 30))
            second = self.node(f"{name}.second", "select", long, nudge, zero)
            return self.node(f"{name}.added", "add", half, second)
        shifted = self.node(f"{name}.shifted", "lt", zero, shift)
        if mode == Rounding.HALF_AWAY:
            less = self.node(f"{name}.less", "and", negative, shifted)
        else:
            floor = self.node(f"{name}.floor", "shr", value, shift)
            odd = self.node(f"{name}.odd", "and", floor, self.const(1), proved=(0, 1))
            even = self.node(f"{name}.even", "xor", odd, self.const(1))
            less = self.node(f"{name}.less", "and", even, shifted)
        return self.node(f"{name}.added", "sub", half, less, proved=(0, (1 << self.interval(shift)[1]) // 2))

    def graph(self, *outputs: str) -> Graph:
        """What was written, with its stages in order."""
        return Graph(tuple(self.nodes), outputs, tuple(self.ordered), tuple(self.one_at_least), tuple(self.facts))
