"""Mutants: enough of them, in a fixed order, each a change that some vector shows and another does not."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest
from mutant_stimuli import uniform

from bittrue.golden.mutants.operators import Mutant, mutants_of
from bittrue.golden.mutants.score import outcomes
from bittrue.golden.mutants.units import words_of
from bittrue.hw_configs.load import load_datapath
from bittrue.spec.vectors import Stimuli

IOT = load_datapath("iot_npu")
UNITS = ("requantize", "add", "mul", "mean", "table", "softmax", "norm", "mac", "accumulate")


@pytest.mark.parametrize("unit", UNITS)
def test_there_are_enough_mutants(unit: str) -> None:
    """At least 200 a unit, half of them of gates; no two the same; the list is the same each time."""
    found, again = (mutants_of(words_of(IOT, unit)) for _ in range(2))
    assert len(found) >= 200 and 2 * sum(mutant.family == "gate" for mutant in found) >= len(found)
    assert [mutant.name for mutant in found] == [mutant.name for mutant in again]
    assert max(Counter(mutant.graph.nodes for mutant in found).values()) == 1


def test_no_mutant_is_planted_in_what_only_says_what_is_true() -> None:
    """The facts of a graph are no part of the design; their inputs are."""
    facts = words_of(IOT, "norm").graph.facts
    assert facts and all(fact.startswith("fact.") for fact in facts)
    wires = {mutant.wire for mutant in every("norm")}
    assert not any(wire.startswith("fact.") for wire in wires) and "fraction_shift" in wires


def requantizer(**columns: list[int]) -> Stimuli:
    end = {"low": [-128], "high": [127], "zero_point": [0]}
    size = max(len(column) for column in columns.values())
    driven = {name: np.resize(np.array(column, np.int64), size) for name, column in {**end, **columns}.items()}
    return Stimuli("requantize", "by hand", "directed", driven)


@cache
def every(unit: str) -> tuple[Mutant, ...]:
    return mutants_of(words_of(IOT, unit), gates_at_most=1 << 20)


def planted(unit: str, operator: str, wire: str, detail: str) -> Mutant:
    return next(m for m in every(unit) if (m.operator, m.wire, m.detail) == (operator, wire, detail))


HALF = {"multiplier": [1 << 30], "shift": [31]}
BY_HAND = {
    # operator, wire, detail: a vector that shows it, one that does not
    ("rounding", "rounded", "half_away for half_up"): (
        {**HALF, "accumulator": [-5]},
        {**HALF, "accumulator": [5, 4, -4]},
    ),
    ("rounding", "rounded", "half_even for half_up"): ({**HALF, "accumulator": [5]}, {**HALF, "accumulator": [3, -5]}),
    ("clamp_bound", "output", "high +1"): ({**HALF, "accumulator": [256]}, {**HALF, "accumulator": [254, -300]}),
    ("lost_carry", "rounded.sum", "into bit 32"): (
        {"multiplier": [1 << 30], "shift": [32], "accumulator": [2]},
        {"multiplier": [1 << 30], "shift": [32], "accumulator": [4, 0]},
    ),
    ("missing_term", "placed", "zero_point"): (
        {**HALF, "accumulator": [8], "zero_point": [1]},
        {**HALF, "accumulator": [8], "zero_point": [0]},
    ),
    ("inverted_condition", "output.above", ""): ({**HALF, "accumulator": [8]}, {**HALF, "accumulator": [254]}),
    ("stuck_at_0", "multiplier", "bit 30"): ({**HALF, "accumulator": [8]}, {**HALF, "accumulator": [0]}),
    ("previous_vector", "shift", ""): (
        {"multiplier": [1 << 30], "shift": [31, 30], "accumulator": [8]},
        {"multiplier": [1 << 30], "shift": [31, 31], "accumulator": [8]},
    ),
}


@pytest.mark.parametrize("name", BY_HAND, ids=str)
def test_a_planted_mutant_is_killed_by_the_vector_that_shows_it(name: tuple[str, str, str]) -> None:
    """By hand: one set must notice it, the other must not."""
    mutant = planted("requantize", *name)
    words = words_of(IOT, "requantize")
    shows, hides = (requantizer(**columns) for columns in BY_HAND[name])
    assert outcomes(words, [mutant], [shows])[0].by_stage is not None
    assert outcomes(words, [mutant], [hides])[0].by_stage is None


def test_a_stale_accumulator_is_noticed_by_the_second_row() -> None:
    """The first row finds a register that was cleared by the reset."""
    mutant = planted("mac", "stale_accumulator", "accumulated", "")
    codes = np.array([[3, 4], [0, 0]])
    stimuli = Stimuli("mac", "two rows", "directed", {"activations": codes}, {"weights": np.array([[5], [6]])})
    kill = outcomes(words_of(IOT, "mac"), [mutant], [stimuli])[0].by_stage
    assert kill is not None and (kill.vector, kill.stage) == (1, "register")
    assert outcomes(words_of(IOT, "mac"), [mutant], [stimuli.take(np.array([1, 0]))])[0].by_stage is None


@pytest.mark.parametrize("unit", UNITS)
def test_every_operator_changes_something(unit: str) -> None:
    """Of each operator random vectors kill at least one mutant, but where its mutants are no faults at all."""
    words = words_of(IOT, unit)
    mutants = mutants_of(words)
    found = outcomes(words, mutants, uniform(IOT, unit, 400))
    killed = {outcome.mutant.operator for outcome in found if outcome.by_stage is not None}
    idle = {mutant.operator for mutant in mutants} - killed
    assert idle <= {"overflow", "elements_rotated", "rounding"}, idle


def test_an_output_notices_less_than_the_stages() -> None:
    """What a stage shows may be saturated away; never the other way round."""
    words = words_of(IOT, "requantize")
    found = outcomes(words, mutants_of(words), uniform(IOT, "requantize", 400))
    assert all(outcome.by_stage is not None for outcome in found if outcome.by_output is not None)
    assert any(outcome.by_output is None for outcome in found if outcome.by_stage is not None)
