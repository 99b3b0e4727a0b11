"""The staircase of the proof is right, and the proof can fail."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from bittrue.spec.arithmetic import Rounding, requantize

HERE = Path(__file__).resolve().parent


def load(name: str) -> object:
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


thresholds = load("thresholds")
proof = load("prove_requantizer")


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize(("multiplier", "shift"), [(1, 1), (3, 4), (5, 3), (1 << 30, 33)])
def test_the_staircase_is_the_contract(rounding: Rounding, multiplier: int, shift: int) -> None:
    """Every accumulator of 12 bits: the number of thresholds passed is the contract's output."""
    case = thresholds.Case(multiplier, shift, rounding, -5, -20, 30)  # type: ignore[attr-defined]
    edges = thresholds.thresholds(case)  # type: ignore[attr-defined]
    assert edges == sorted(edges)
    for accumulator in range(-2048, 2048):
        code = case.low + sum(accumulator >= edge for edge in edges)
        assert code == requantize(accumulator, multiplier, shift, -5, -20, 30, rounding)


@pytest.mark.parametrize("shift", [29, 31, 33])
@pytest.mark.parametrize("second", list(Rounding))
def test_two_staircases_are_the_contract(second: Rounding, shift: int) -> None:
    """The same with two roundings: half up by 31 bits, then the rest by each rule; lifted where there is no rest."""
    case = thresholds.Case(1431655765, shift, Rounding.HALF_UP, -5, -20, 30, second)  # type: ignore[attr-defined]
    edges = thresholds.thresholds(case)  # type: ignore[attr-defined]
    for accumulator in range(-2048, 2048):
        code = case.low + sum(accumulator >= edge for edge in edges)
        assert code == requantize(accumulator, 1431655765, shift, -5, -20, 30, Rounding.HALF_UP, second)


def test_the_proof_passes_on_16_bits_and_covers_every_rounding() -> None:
    """At least 50 cases, each mode among them; none disagrees."""
    cases = proof.cases()  # type: ignore[attr-defined]
    assert len(cases) >= 50
    assert {case.rounding for case in cases} == set(Rounding)
    assert sum(proof.prove(case, 16) for case in cases) == 0  # type: ignore[attr-defined]


def test_the_proof_finds_a_wrong_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half away instead of half up: exactly the negative ties disagree."""
    case = thresholds.Case(1 << 30, 31, Rounding.HALF_UP, 0, -128, 127)  # type: ignore[attr-defined]
    codes = proof.ROUNDING_CODES  # type: ignore[attr-defined]
    monkeypatch.setitem(codes, Rounding.HALF_UP, codes[Rounding.HALF_AWAY])
    # x = accumulator / 2 is a tie for odd accumulators; -1, -3, .. -255 still lie inside the code range.
    assert proof.prove(case, 16) == 128  # type: ignore[attr-defined]
