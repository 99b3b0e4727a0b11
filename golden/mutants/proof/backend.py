"""What a solver has to offer to proofs: words of 64 bits, the ops of a graph, and whether pairs of words can differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from bittrue.golden.mutants.words import Fault, Node
from bittrue.spec.units.section import Width

Value = TypeVar("Value")


class Backend(Protocol[Value]):
    """One question to a solver. Every value is a 64-bit word, extended from the register that it stands in."""

    def variable(self, name: str) -> Value:
        """Any 64-bit number."""

    def constant(self, value: int) -> Value:
        """A number."""

    def memory(self, name: str) -> Callable[[Value], Value]:
        """A memory of unknown contents: any function of the address."""

    def apply(self, node: Node, inputs: Sequence[Value]) -> Value:
        """What a node makes of its inputs, cut to its register; without its fault."""

    def fault(self, fault: Fault, width: Width, value: Value) -> Value:
        """A fault of bits (stuck, inverted, swapped, narrower) on a wire."""

    def between(self, value: Value, low: int, high: int) -> None:
        """Assume that a value lies in an interval."""

    def at_most(self, low: Value, high: Value) -> None:
        """Assume an order."""

    def equal(self, pairs: Sequence[tuple[Value, Value]], seconds: float) -> bool | None:
        """Whether no assignment makes a pair differ; False: one does; None: not decided in time."""
