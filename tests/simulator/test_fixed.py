"""The simulator's arithmetic against definitions on exact fractions and against tests/vectors/arithmetic.json."""

from __future__ import annotations

import ast
import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import bittrue.simulator
from bittrue.simulator.fixed import ROUNDING_CODES, clamp, integer_root, requantize, round_shift, saturate, wrap
from bittrue.spec.arithmetic import Rounding

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "arithmetic.json").read_text())
LIMIT = 1 << 63


def nearest(x: Fraction, mode: Rounding, shift: int) -> int:
    """A mode's definition on an exact fraction, x = value / 2**shift."""
    if mode is Rounding.TOSA_DOUBLE:
        early = Fraction(1 << 30, 1 << shift) if shift > 31 else 0
        return math.floor(x + Fraction(1, 2) + (early if x >= 0 else -early))
    if mode is Rounding.FLOOR:
        return math.floor(x)
    if mode is Rounding.TOWARD_ZERO:
        return math.trunc(x)
    if mode is Rounding.HALF_EVEN:
        return round(x)
    if mode is Rounding.HALF_UP:
        return math.floor(x + Fraction(1, 2))
    return math.floor(x + Fraction(1, 2)) if x > 0 else math.ceil(x - Fraction(1, 2))


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("shift", [1, 2, 3, 8, 31, 32, 47, 61, 62])
def test_round_shift_at_ties_and_beside_them(mode: Rounding, shift: int) -> None:
    """Ties of both signs over odd and even quotients, and one unit to either side of each."""
    half = 1 << (shift - 1)
    for value in (odd * half + beside for odd in range(-9, 10) for beside in (-1, 0, 1)):
        if abs(value) + half < LIMIT:
            assert round_shift(value, shift, ROUNDING_CODES[mode]) == nearest(Fraction(value, 1 << shift), mode, shift)


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        (Rounding.HALF_UP, [-3, -2, -1, 0, 1, 2, 3, 4]),
        (Rounding.HALF_AWAY, [-4, -3, -2, -1, 1, 2, 3, 4]),
        (Rounding.HALF_EVEN, [-4, -2, -2, 0, 0, 2, 2, 4]),
        (Rounding.FLOOR, [-4, -3, -2, -1, 0, 1, 2, 3]),
        (Rounding.TOWARD_ZERO, [-3, -2, -1, 0, 0, 1, 2, 3]),
    ],
)
def test_ties_by_hand(mode: Rounding, wanted: list[int]) -> None:
    """-3.5, -2.5 ... 3.5; no two modes agree on all of them."""
    assert [round_shift(value, 1, ROUNDING_CODES[mode]) for value in range(-7, 8, 2)] == wanted


def test_every_rounding_rule_has_its_own_code() -> None:
    """A rule that the contract adds cannot be forgotten here, nor share another's code."""
    assert set(ROUNDING_CODES) == set(Rounding)
    assert len(set(ROUNDING_CODES.values())) == len(Rounding)


def test_committed_vectors_of_round_shift() -> None:
    """Every line of the file, in every mode."""
    modes = [Rounding(name) for name in VECTORS["header"]["columns"]["round_shift"][2:]]
    for value, shift, *results in VECTORS["round_shift"]:
        assert [round_shift(value, shift, ROUNDING_CODES[mode]) for mode in modes] == results


def test_committed_vectors_of_requantize() -> None:
    """Every line of the file, in every mode; the offset, which only norms have, is 0."""
    modes = [Rounding(name) for name in VECTORS["header"]["columns"]["requantize"][6:]]
    for accumulator, multiplier, shift, zero_point, low, high, *results in VECTORS["requantize"]:
        constants = (accumulator, multiplier, 0, shift, zero_point, low, high)
        assert [requantize(*constants, ROUNDING_CODES[mode]) for mode in modes] == results


def test_requantize_widens_narrow_factors() -> None:
    """Two 32-bit factors: the product has 62 bits, and the offset is added before the one rounding."""
    accumulator, multiplier = np.int32(-(1 << 30)), np.int32((1 << 31) - 1)
    exact = Fraction(-(1 << 30) * ((1 << 31) - 1) + 12345, 1 << 40) - 7
    got = requantize(accumulator, multiplier, 12345, 40, -7, -(1 << 31), 1 << 31, ROUNDING_CODES[Rounding.FLOOR])
    assert got == math.floor(exact)


@pytest.mark.parametrize(("section", "function"), [("wrap", wrap), ("integer_root", integer_root)])
def test_committed_vectors_of_wrap_and_root(section: str, function: object) -> None:
    """Every line of the file."""
    assert callable(function)
    for *arguments, result in VECTORS[section]:
        assert function(*arguments) == result


def test_wrap_of_small_and_wide_registers() -> None:
    """Three bits, more than two whole turns, by hand; 48 bits one past either end."""
    turn = [0, 1, 2, 3, -4, -3, -2, -1]
    assert [wrap(value, 3) for value in range(-8, 16)] == turn * 3
    assert wrap(1 << 47, 48) == -(1 << 47)
    assert wrap(-(1 << 47) - 1, 48) == (1 << 47) - 1


def test_saturate_and_clamp() -> None:
    """Values outside stay at the nearer end, values inside stay."""
    assert [saturate(value, 4) for value in (-100, -9, -8, 0, 7, 8, 100)] == [-8, -8, -8, 0, 7, 7, 7]
    assert saturate(1 << 47, 48) == (1 << 47) - 1
    assert [clamp(value, -3, 250) for value in (-4, -3, 0, 250, 251)] == [-3, -3, 0, 250, 250]


def test_integer_root_around_squares_and_at_its_ends() -> None:
    """A square, one below and one above, small and large; 0 and 2**63 - 1. Some defeat a float64 root."""
    roots = [1, 2, 3, 181, 46340, 94906265, 94906266, (1 << 31) - 1, 1 << 31, 3037000498, 3037000499]
    values = [0, LIMIT - 1, *(root * root + beside for root in roots for beside in (-1, 0, 1))]
    assert [integer_root(value) for value in values] == [math.isqrt(value) for value in values]
    assert any(int(math.sqrt(value)) != math.isqrt(value) for value in values)


def test_the_simulator_borrows_no_arithmetic() -> None:
    """Outside cost/, only Rounding comes from spec/arithmetic.py, and nothing from golden or torch."""
    folder = Path(bittrue.simulator.__file__).parent
    files = [*folder.glob("*.py"), *folder.glob("kernels/*.py")]
    assert len(files) > 20
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            assert not any(word in name for name in (*names, module) for word in ("golden", "torch")), file
            assert "arithmetic" not in " ".join(names), file
            assert module != "bittrue.spec.arithmetic" or names == ["Rounding"], file
