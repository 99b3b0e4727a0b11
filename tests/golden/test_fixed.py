"""The judge's arithmetic against definitions on exact fractions and against tests/vectors/arithmetic.json."""

from __future__ import annotations

import ast
import json
import math
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
import torch

import bittrue.golden
from bittrue.golden.fixed import (
    clamp,
    floor_reciprocal,
    held,
    integer_root,
    read_unsigned,
    round_shift,
    saturate,
    saturating_sum,
    settled_root,
    shifted,
    wrap,
)
from bittrue.spec.arithmetic import Rounding

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "arithmetic.json").read_text())
MODES = list(Rounding)


def int64(values: list[int]) -> torch.Tensor:
    """Integers as an int64 tensor."""
    return torch.tensor(values, dtype=torch.int64)


def rounded(value: int, shift: int, mode: Rounding) -> int:
    """The mode's definition by distance: the nearer neighbour, and at a tie the one that the mode names."""
    if mode is Rounding.TOSA_DOUBLE:  # half up of a value that was moved away from zero, above a shift of 31
        moved = value + (0 if shift <= 31 else 1 << 30 if value >= 0 else -(1 << 30))
        return rounded(moved, shift, Rounding.HALF_UP)
    x = Fraction(value, 1 << shift)
    below, above = math.floor(x), math.ceil(x)
    if mode is Rounding.TOWARD_ZERO:
        return below if x > 0 else above
    if mode is Rounding.FLOOR or x - below < above - x:
        return below
    if x - below > above - x:
        return above
    if mode is Rounding.HALF_UP:
        return above
    if mode is Rounding.HALF_AWAY:
        return above if x > 0 else below
    return below if below % 2 == 0 else above


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shift", [1, 2, 5, 31, 32, 61, 62, 63])
def test_round_shift_on_ties_and_their_neighbours(mode: Rounding, shift: int) -> None:
    """Both signs, odd and even quotients, one unit to either side of a tie; the shift an int or a tensor."""
    half = 1 << (shift - 1)
    values = [q * half + offset for q in range(-7, 8) for offset in (-1, 0, 1)]
    values = [value for value in values if abs(value) < 1 << 63]
    wanted = [rounded(value, shift, mode) for value in values]
    assert round_shift(int64(values), shift, mode).tolist() == wanted
    assert round_shift(int64(values), int64([shift] * len(values)), mode).tolist() == wanted


def test_round_shift_with_one_shift_a_channel() -> None:
    """A tensor of shifts broadcasts: row i is divided by its own power of two."""
    values, shifts = int64([[5, -5, 6], [20, -20, 24]]), int64([[1], [3]])
    assert round_shift(values, shifts, Rounding.HALF_UP).tolist() == [[3, -2, 3], [3, -2, 3]]


def test_the_modes_differ() -> None:
    """At odd halves no two modes agree everywhere, so no mode can stand in for another.

    The last value is 2**29 above half of 2**32, negative: only TOSA's double rounding takes it below zero.
    """
    values, shifts = int64([-5, -3, 3, 5, -(1 << 31) + (1 << 29)]), int64([1, 1, 1, 1, 32])
    results = {mode: tuple(round_shift(values, shifts, mode).tolist()) for mode in MODES}
    assert results == {
        Rounding.HALF_UP: (-2, -1, 2, 3, 0),
        Rounding.HALF_AWAY: (-3, -2, 2, 3, 0),
        Rounding.HALF_EVEN: (-2, -2, 2, 2, 0),
        Rounding.FLOOR: (-3, -2, 1, 2, -1),
        Rounding.TOWARD_ZERO: (-2, -1, 1, 2, 0),
        Rounding.TOSA_DOUBLE: (-2, -1, 2, 3, -1),
    }


@pytest.mark.parametrize("column", range(len(VECTORS["header"]["columns"]["round_shift"]) - 2))
def test_round_shift_and_requantize_vectors(column: int) -> None:
    """Every committed case of both sections, in every mode."""
    mode = Rounding(VECTORS["header"]["columns"]["round_shift"][2 + column])
    cases = int64(VECTORS["round_shift"])
    assert torch.equal(round_shift(cases[:, 0], cases[:, 1], mode), cases[:, 2 + column])
    for accumulator, multiplier, shift, zero_point, low, high, *results in VECTORS["requantize"]:
        value = round_shift(int64([accumulator]) * multiplier, shift, mode) + zero_point
        assert clamp(value, low, high).item() == results[column]


@pytest.mark.parametrize("bits", sorted({case[1] for case in VECTORS["wrap"]}))
def test_wrap_vectors(bits: int) -> None:
    """Every committed case of one width."""
    cases = int64([case for case in VECTORS["wrap"] if case[1] == bits])
    assert torch.equal(wrap(cases[:, 0], bits), cases[:, 2])


def test_wrap_of_a_small_register() -> None:
    """Four bits, two whole turns: by hand."""
    assert wrap(torch.arange(-9, 10), 4).tolist() == [7, -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, -8, -7]


def test_reads_of_small_registers() -> None:
    """Four bits: unsigned is modulo 16; a shift of 0 is none, beside a shift of 1 of the same tensor."""
    assert read_unsigned(int64([-17, -16, -1, 0, 15, 16, 33]), 4).tolist() == [15, 0, 15, 0, 15, 0, 1]
    assert held(int64([9, -9]), 4, "wrap").tolist() == [-7, 7]
    assert held(int64([9, -9]), 4, "saturate").tolist() == [7, -8]
    assert shifted(int64([5, 5]), int64([0, 1]), Rounding.HALF_UP).tolist() == [5, 3]


def test_saturate_of_a_small_register() -> None:
    """Four bits: everything outside -8..7 stays at the nearer end."""
    assert saturate(int64([-100, -9, -8, 7, 8, 100]), 4).tolist() == [-8, -8, -8, 7, 7, 7]


def test_integer_root_vectors() -> None:
    """Every committed case, up to 2**63 - 1."""
    cases = int64(VECTORS["integer_root"])
    assert torch.equal(integer_root(cases[:, 0]), cases[:, 1])


def test_integer_root_around_large_squares() -> None:
    """Perfect squares, one below and one above, where float64 alone would round to the wrong root."""
    roots = [*range(94906260, 94906280), (1 << 31) - 1, 1 << 31, 3037000498, 3037000499]
    values = [root * root + offset for root, offset in product(roots, (-1, 0, 1))]
    values += [1 << 62, (1 << 62) - 1, (1 << 62) + 1, (1 << 63) - 1]
    assert integer_root(int64(values)).tolist() == [math.isqrt(value) for value in values]
    # The correction is needed: at least one of these roots is wrong without it.
    assert any(int(math.sqrt(value)) != math.isqrt(value) for value in values)


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_root_is_settled_from_either_side(off: int) -> None:
    """A guess one too low or one too high ends at the same floor root, whatever rounded it."""
    values = [3, 4, 5, 8, 15, 16, 1 << 53, (1 << 53) + 1]
    values += [root * root + offset for root in (94906266, 3037000498) for offset in (-1, 0, 1)]
    guesses = [math.isqrt(value) + off for value in values]
    assert settled_root(int64(guesses), int64(values)).tolist() == [math.isqrt(value) for value in values]


def test_floor_reciprocal() -> None:
    """floor(2**62 / v) against Python's integer division."""
    values = [1, 2, 3, 65535, 94906267, (1 << 31) - 1, 1 << 40]
    assert floor_reciprocal(62, int64(values)).tolist() == [(1 << 62) // value for value in values]


def test_a_saturating_sum_depends_on_its_order() -> None:
    """Four bits: 5 + 5 - 4 saturates to 7 - 4 = 3, but 5 - 4 + 5 = 6."""
    start = int64([0])
    assert saturating_sum(start, [int64([x]) for x in (5, 5, -4)], 4).item() == 3
    assert saturating_sum(start, [int64([x]) for x in (5, -4, 5)], 4).item() == 6


def test_the_judge_borrows_no_arithmetic() -> None:
    """golden/ imports only Rounding from spec/arithmetic.py, and nothing from the simulator."""
    folder = Path(bittrue.golden.__file__).parent
    files = [*folder.glob("*.py"), *folder.glob("ops/*.py"), *folder.glob("units/**/*.py")]
    assert len(files) > 15
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            assert not any("simulator" in name for name in (*names, module)), file
            assert module != "bittrue.spec.arithmetic" or names == ["Rounding"], file
            assert "bittrue.spec.arithmetic" not in names, file
