"""Equivalence: proved only where it holds, and what is refuted comes with a vector that shows the difference."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from mutant_stimuli import uniform

from bittrue.golden.mutants.operators import Mutant, mutants_of
from bittrue.golden.mutants.proof.bounds import by_bounds, harmless
from bittrue.golden.mutants.proof.prove import proved
from bittrue.golden.mutants.proof.witness import witness
from bittrue.golden.mutants.proof.z3_backend import Z3
from bittrue.golden.mutants.score import outcomes
from bittrue.golden.mutants.units import words_of
from bittrue.golden.mutants.words import Fault, Node
from bittrue.golden.stimuli import stimuli_of
from bittrue.hw_configs.load import load_datapath
from bittrue.spec.units.section import Width

IOT = load_datapath("iot_npu")


@cache
def every(unit: str) -> tuple[Mutant, ...]:
    return mutants_of(words_of(IOT, unit), gates_at_most=1 << 20)


def planted(unit: str, operator: str, wire: str, detail: str) -> Mutant:
    return next(m for m in every(unit) if (m.operator, m.wire, m.detail) == (operator, wire, detail))


NO_FAULTS = {
    # the clamp replaces an equal value by itself
    ("requantize", "wrong_gate", "output.above", "le for lt"),
    # a half has zeros below its one bit, so that nothing is carried there
    ("softmax", "lost_carry", "rounded.sum", "into bit 8"),
    # exponentials and reciprocals are not negative: their halves have one sign
    ("softmax", "rounding", "rounded", "half_away for half_up"),
    # an equal maximum may be taken or kept: by induction over the row
    ("softmax", "wrong_gate", "maximum/greater", "le for lt"),
    # the first element is taken whatever the register held before
    ("softmax", "stale_accumulator", "maximum", ""),
    # S2 of 4,096 squares of codes needs 29 bits of the register's 40
    ("norm", "narrower", "sum_of_squares", "8 bits"),
}
FAULTS = {
    ("requantize", "narrower", "zero_point", "1 bits"),
    ("requantize", "signedness", "output.above", "high unsigned"),
    ("add", "swapped_bits", "low", "bits 8 and 9"),
    ("mac", "stuck_at_0", "activations", "bit 8"),
    ("mac", "stuck_at_1", "accumulated/tile_last", "bit 0"),
    ("accumulate", "previous_vector", "initial", ""),
}


@pytest.mark.parametrize("name", sorted(NO_FAULTS), ids=str)
def test_an_equivalent_mutant_is_proved(name: tuple[str, str, str, str]) -> None:
    """Each for the reason above; random vectors agree."""
    mutant, words = planted(*name), words_of(IOT, name[0])
    assert proved(words.graph, mutant, backend=Z3, seconds=20) is not None
    assert outcomes(words, [mutant], uniform(IOT, name[0], 100))[0].by_stage is None


@pytest.mark.parametrize("name", sorted(FAULTS), ids=str)
def test_a_fault_is_never_proved_equivalent_and_its_witness_shows_it(name: tuple[str, str, str, str]) -> None:
    """The solver's vector is replayed on both graphs and the stages differ."""
    mutant, words = planted(*name), words_of(IOT, name[0])
    assert proved(words.graph, mutant, backend=Z3, seconds=20) is None
    found = witness(words, mutant, uniform(IOT, name[0], 4)[0], seconds=20)
    assert found is not None
    assert outcomes(words, [mutant], [found])[0].by_stage is not None


@pytest.mark.parametrize("unit", ["requantize", "softmax", "mac", "accumulate"])
def test_nothing_that_a_vector_kills_is_proved_equivalent(unit: str) -> None:
    """The prover on mutants that random vectors notice: every tenth of them."""
    words = words_of(IOT, unit)
    found = outcomes(words, mutants_of(words)[::10], uniform(IOT, unit, 100))
    killed = [outcome.mutant for outcome in found if outcome.by_stage is not None]
    assert len(killed) > 20
    assert [mutant.name for mutant in killed if proved(words.graph, mutant, backend=Z3, seconds=0.3)] == []


def test_a_fact_of_the_contract_proves_what_no_interval_can() -> None:
    """The step of a shift that only a constant row has; without the facts nothing proves it."""
    mutant, words = planted("norm", "stuck_at_0", "normalized.step", "bit 21"), words_of(IOT, "norm")
    assert proved(words.graph, mutant, backend=Z3, seconds=20) == "sat"
    alone = replace(words.graph, facts=())
    assert proved(alone, mutant, backend=Z3, seconds=20) is None


def test_nothing_that_a_directed_vector_kills_is_proved_equivalent() -> None:
    """The norm's facts and intervals against what its corners show, every eighth mutant."""
    words = words_of(IOT, "norm")
    found = outcomes(words, mutants_of(words)[::8], stimuli_of(IOT, "norm", "directed"))
    killed = [outcome.mutant for outcome in found if outcome.by_stage is not None]
    assert len(killed) > 80
    assert [mutant.name for mutant in killed if proved(words.graph, mutant, backend=Z3, seconds=0.3)] == []


def test_bounds_prove_what_no_value_shows() -> None:
    """-3..5 needs 4 bits: bits 3 and up of an 8-bit register are its sign."""
    wire = Node("x", "wire", ("y",), Width(8, True), (-3, 5))
    natural = Node("x", "wire", ("y",), Width(8, False), (0, 5))
    for fault, node, holds in (
        (Fault("narrower", (4,)), wire, True),
        (Fault("narrower", (5,)), wire, False),
        (Fault("swapped_bits", (3, 4)), wire, True),
        (Fault("swapped_bits", (2, 3)), wire, False),
        (Fault("stuck_at_0", (3,)), wire, False),
        (Fault("stuck_at_0", (3,)), natural, True),
        (Fault("stuck_at_0", (2,)), natural, False),
        (Fault("stuck_at_1", (7,)), natural, False),
        (Fault("inverted_bit", (7,)), natural, False),
    ):
        values = np.arange(node.interval[0], node.interval[1] + 1)
        assert harmless(fault, node) == holds, (fault, values)
    words = words_of(IOT, "requantize")
    assert not by_bounds(words.graph, words.graph)
