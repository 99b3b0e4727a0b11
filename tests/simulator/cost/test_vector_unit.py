"""Cycles of the vector unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from bittrue.simulator.cost.vector_unit import vector_cycles
from bittrue.spec.machine import CyclesPerElement, Machine, VectorEnergy
from bittrue.spec.op import VectorOp

COUNTS = st.dictionaries(st.sampled_from(get_args(VectorOp)), st.integers(0, 5000))


def test_kinds_run_one_after_another(machine: Callable[..., Machine]) -> None:
    """4 lanes: ceil(10/4) adds + ceil(5*2/4) requantizations of 2 cycles = 3 + 3 cycles."""
    unit = machine({"vector_unit.cycles_per_element.requantize": 2}).vector_unit
    assert vector_cycles({"add": 10, "requantize": 5}, unit) == 3 + 3


def test_divisions_and_roots_use_the_iterative_units(machine: Callable[..., Machine]) -> None:
    """2 units, 10 cycles each: ceil(3*10/2) + ceil(1*10/2) = 15 + 5, however many lanes there are."""
    for lanes in (1, 64):
        unit = machine({"vector_unit.lanes": lanes, "vector_unit.iterative_units": 2}).vector_unit
        assert vector_cycles({"divide": 3, "root": 1}, unit) == 20


@given(counts=COUNTS, lanes=st.integers(1, 64), more=st.integers(0, 64))
def test_more_lanes_never_cost_cycles(
    counts: dict[VectorOp, int], lanes: int, more: int, machine: Callable[..., Machine]
) -> None:
    """Cycles do not grow with lanes or iterative units."""
    narrow = machine({"vector_unit.lanes": lanes, "vector_unit.iterative_units": lanes}).vector_unit
    wide = machine({"vector_unit.lanes": lanes + more, "vector_unit.iterative_units": lanes + more}).vector_unit
    assert vector_cycles(counts, wide) <= vector_cycles(counts, narrow)


def test_a_machine_prices_every_vector_op() -> None:
    """The keys of a machine's tables are the kinds that contracts count, no more and no fewer."""
    kinds = set(get_args(VectorOp))
    assert set(CyclesPerElement.model_fields) - {"source"} == kinds
    assert set(VectorEnergy.model_fields) - {"source"} == {f"{kind}_pj" for kind in kinds}
