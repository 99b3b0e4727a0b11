"""Words as bit vectors of the z3 solver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import z3

from bittrue.golden.mutants.words import Fault, Node
from bittrue.spec.units.section import Width

BITS = 64
RESOURCES_A_SECOND = 1_000_000
"""z3's own measure of work, about that of a second: a verdict does not depend on how busy the machine is."""


class Z3:
    """One question; `Backend` of z3 expressions."""

    def __init__(self) -> None:
        self.assumed: list[Any] = []
        self.fresh = 0
        self.model: Any = None
        """What makes the pairs of the last question differ, where something does."""

    def variable(self, name: str) -> Any:
        """A bit vector."""
        self.fresh += 1
        return z3.BitVec(f"{name}!{self.fresh}", BITS)

    def constant(self, value: int) -> Any:
        """A bit vector."""
        return z3.BitVecVal(value, BITS)

    def between(self, value: Any, low: int, high: int) -> None:
        """Signed bounds."""
        self.assumed.append(z3.And(value >= low, value <= high))

    def at_most(self, low: Any, high: Any) -> None:
        """Signed."""
        self.assumed.append(low <= high)

    def one_at_least(self, least: int, values: Sequence[Any]) -> None:
        """Assume that one of some values is not smaller."""
        self.assumed.append(z3.Or(*(value >= least for value in values)))

    def equal(self, pairs: Sequence[tuple[Any, Any]], seconds: float) -> bool | None:
        """By bit-blasting; memories are uninterpreted functions."""
        solver = z3.SolverFor("QF_UFBV")
        solver.set("rlimit", int(RESOURCES_A_SECOND * seconds))
        solver.add(*self.assumed)
        solver.add(z3.Or(*(one != other for one, other in pairs)))
        verdict = solver.check()
        if verdict == z3.sat:
            self.model = solver.model()
            return False
        return True if verdict == z3.unsat else None

    def apply(self, node: Node, inputs: Sequence[Any]) -> Any:
        """See golden/mutants/words.py."""
        return kept(self._made(node, list(inputs)), node.width)

    def _made(self, node: Node, inputs: list[Any]) -> Any:
        op = node.op
        if op == "wire":
            return inputs[0]
        if op == "wrap":
            return kept(inputs[0], Width(node.numbers[0], bool(node.numbers[1])))
        if op == "select":
            return z3.If(inputs[0] != 0, inputs[1], inputs[2])
        if op in ("root", "root_up", "root_near"):
            return self._root(op, inputs[0])
        a, b = inputs
        if op == "read":
            return self._read(a, b)
        if op in ("divide", "divide_up", "divide_near"):
            return _divided(op, a, b)
        if op in ("lt", "le", "eq"):
            holds = a < b if op == "lt" else a <= b if op == "le" else a == b
            return z3.If(holds, self.constant(1), self.constant(0))
        if op == "add_broken_carry":
            k = node.numbers[0]
            low = self.constant((1 << k) - 1)
            return (((a >> k) + (b >> k)) << k) | (((a & low) + (b & low)) & low)
        return _PLAIN[op](a, b)

    def _read(self, memory: Any, address: Any) -> Any:
        """memory: a list of entries, or a name: then any function of the address."""
        if isinstance(memory, list):
            found = self.constant(0)
            for i, entry in enumerate(memory):
                found = z3.If(address == i, self.constant(entry), found)
            return found
        return memory(address)

    def _root(self, op: str, square: Any) -> Any:
        root = self.variable("root")
        self.assumed += [root >= 0, root < 1 << 31, root * root <= square, square < (root + 1) * (root + 1)]
        if op == "root":
            return root
        rest = square - root * root
        return z3.If(rest > (0 if op == "root_up" else root), root + 1, root)

    def memory(self, name: str) -> Any:
        """A memory of unknown contents."""
        return z3.Function(name, z3.BitVecSort(BITS), z3.BitVecSort(BITS))

    def fault(self, fault: Fault, width: Width, value: Any) -> Any:
        """On the register's bits."""
        if fault.kind == "narrower":
            return kept(value, Width(width.bits - fault.numbers[0], width.signed))
        bit = 1 << fault.numbers[0]
        if fault.kind == "stuck_at_0":
            value = value & ~z3.BitVecVal(bit, BITS)
        elif fault.kind == "stuck_at_1":
            value = value | bit
        elif fault.kind == "inverted_bit":
            value = value ^ bit
        else:
            one, other = fault.numbers
            differ = (z3.LShR(value, one) ^ z3.LShR(value, other)) & 1
            value = value ^ (differ << one) ^ (differ << other)
        return kept(value, width)


def _divided(op: str, a: Any, b: Any) -> Any:
    quotient = z3.UDiv(a, b)
    rest = a - quotient * b
    if op == "divide_up":
        quotient = z3.If(rest > 0, quotient + 1, quotient)
    elif op == "divide_near":
        quotient = z3.If(rest >= b - rest, quotient + 1, quotient)
    return z3.If(b == 0, z3.BitVecVal(-1, BITS), quotient)


_PLAIN: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "shl": lambda a, b: a << (b & (BITS - 1)),
    "shr": lambda a, b: a >> (b & (BITS - 1)),
}


def kept(value: Any, width: Width) -> Any:
    """What a register keeps."""
    if width.bits >= BITS:
        return value
    low = z3.Extract(width.bits - 1, 0, value)
    return z3.SignExt(BITS - width.bits, low) if width.signed else z3.ZeroExt(BITS - width.bits, low)
