"""Cycles of the vector unit: kinds one after another, each kind spread over its lanes."""

from __future__ import annotations

from collections.abc import Mapping

from bittrue.spec.machine import VectorUnit
from bittrue.spec.op import VectorOp

ITERATIVE: tuple[VectorOp, ...] = ("divide", "root")
"""Kinds that run on the iterative units instead of the lanes."""


def vector_cycles(counts: Mapping[VectorOp, int], unit: VectorUnit) -> int:
    """Sum over kinds of ceil(count * cycles / lanes), or over iterative units for divide and root."""
    total = 0
    for kind, count in counts.items():
        width = unit.iterative_units if kind in ITERATIVE else unit.lanes
        cycles: int = getattr(unit.cycles_per_element, kind)
        total += -(-count * cycles // width)
    return total
