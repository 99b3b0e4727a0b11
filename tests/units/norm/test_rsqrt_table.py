"""The norm unit with a table of reciprocal roots: every stage, the table, the error, refusals."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from norm_units import OVERFLOWS, SHIFT_ROUNDINGS, code_rows, compare, extreme_rows, norm_unit, parameters_for
from pydantic import ValidationError

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Width

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)
CODES = Width(8, True)


@EXAMPLES
@given(
    code_rows(bits=(2, 14)),
    st.sampled_from(SHIFT_ROUNDINGS),
    st.tuples(st.integers(2, 8), st.integers(17, 30), st.integers(8, 30), st.integers(0, 4)),
    st.integers(4, 16),
    st.integers(0, 1 << 30),
)
def test_every_row(drawn, rounding: Rounding, sizes: tuple[int, ...], fraction_bits: int, seed: int) -> None:
    """Every stage is the formula's, for any table, operand, steps and rounding."""
    (codes, rows), names = drawn, ("table_bits", "estimate_bits", "operand_bits", "steps")
    unit = norm_unit(
        "rsqrt_table", rounding=rounding, fraction_bits=fraction_bits, **dict(zip(names, sizes, strict=True))
    )
    compare(unit, codes, rows, parameters_for(np.random.default_rng(seed), unit, codes, rows.shape[1]))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(code_rows(bits=(2, 10)), st.sampled_from(OVERFLOWS[1:]), st.integers(8, 14), st.integers(8, 20))
def test_overflow(drawn, rule: str, sum_bits: int, square_bits: int) -> None:
    """Registers that wrap or saturate."""
    codes, rows = drawn
    unit = norm_unit("rsqrt_table", statistics_overflow=rule, sum_bits=sum_bits, sum_of_squares_bits=square_bits)
    compare(unit, codes, rows, parameters_for(np.random.default_rng(0), unit, codes, rows.shape[1]))


@pytest.mark.parametrize("n", [1, 2, 64, 640])
def test_extremes(n: int) -> None:
    """Constant, one-hot and half rows; constant rows normalize to 0."""
    unit = norm_unit("rsqrt_table")
    rows = extreme_rows(CODES, n)
    found = compare(unit, CODES, rows, parameters_for(np.random.default_rng(1), unit, CODES, n))
    assert not found["normalized"][:3].any()


@pytest.mark.parametrize(("table_bits", "estimate_bits"), [(2, 8), (4, 16), (6, 24), (8, 30), (12, 30)])
def test_the_table_is_correctly_rounded(table_bits: int, estimate_bits: int) -> None:
    """Every entry is the integer nearest to the reciprocal root of its interval's middle, to 60 digits."""
    entries = norm_unit(
        "rsqrt_table", table_bits=table_bits, estimate_bits=estimate_bits, fraction_bits=4, operand_bits=30
    ).entries
    assert entries.shape == (3 << table_bits,)
    with localcontext() as context:
        context.prec = 60
        for index, entry in enumerate(entries.tolist()):
            middle = 1 + (Decimal(index) + Decimal("0.5")) / (1 << table_bits)
            assert abs(entry - (1 << estimate_bits) / middle.sqrt()) < Decimal("0.5")


@pytest.mark.parametrize(
    ("table_bits", "steps", "bits", "error"),
    [(4, 1, 16, 4e-4), (6, 0, 16, 4.1e-3), (6, 1, 16, 6e-5), (8, 1, 24, 2e-6), (6, 2, 24, 3e-7)],
)
def test_error_of_the_reciprocal_root(table_bits: int, steps: int, bits: int, error: float) -> None:
    """The errors that the unit's text names, over operands from one end of [1, 4) to the other."""
    unit = norm_unit(
        "rsqrt_table", table_bits=table_bits, steps=steps, estimate_bits=bits, operand_bits=bits, fraction_bits=12
    )
    rng = np.random.default_rng(2)
    rows = rng.integers(-128, 128, (400, 6)) >> rng.integers(0, 8, (400, 1))
    found = compare(unit, CODES, rows, parameters_for(rng, unit, CODES, 6))
    root = found["reciprocal_root"] / 2.0**bits / 2.0 ** found["exponent"]
    relative = np.abs(root * np.sqrt(found["variance"]) - 1)
    assert error / 20 < relative.max() < error


def test_by_hand() -> None:
    """q = 1, 2, 3, 6 and e = 5: S1 = 12, S2 = 50, V = 61 = 3.8125 * 4^2: E = 2, M = 3.8125 * 2^24.

    Entry floor(2.8125 * 64) = 180 is 2^24 / sqrt(1 + 180.5/64) = 2^24 / sqrt(3.8203125) = 8583600.
    """
    unit = norm_unit("rsqrt_table")
    parameters = {"epsilon": np.array([5]), "pre_shift": np.array([0]), "table": unit.entries}
    found = compare(unit, CODES, np.array([[1, 2, 3, 6]]), parameters)
    stages = ("variance", "exponent", "operand", "estimate")
    assert [found[name].item() for name in stages] == [61, 2, 61 << 20, round((1 << 24) / math.sqrt(3.8203125))]
    exact = [(4 * q - 12) / math.sqrt(61) * 65536 for q in (1, 2, 3, 6)]
    assert np.abs(found["normalized"][0] - exact).max() < 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"table": np.arange(192)}, "table"),
        ({"table": np.ones(5, int)}, "table"),
        ({"epsilon": np.array([0])}, "epsilon"),
        ({"pre_shift": np.array([3])}, "pre_shift"),
    ],
)
def test_refused_constants(change: dict[str, np.ndarray], words: str) -> None:
    """Another table, epsilon 0 and a pre-shift that is not the row's."""
    unit = norm_unit("rsqrt_table")
    parameters = parameters_for(np.random.default_rng(3), unit, CODES, 8)
    unit.check("step", CODES, 8, parameters)
    with pytest.raises(IllFormed, match=words):
        unit.check("step", CODES, 8, {**parameters, **change})


def test_refused_rows() -> None:
    """Statistics past 63 bits or past their registers."""
    for changes, n, codes, words in (
        ({"estimate_bits": 30}, 1 << 18, Width(16, True), "63 bits|fit the norm unit"),
        ({"sum_bits": 10}, 8, CODES, "sum of a row needs more bits"),
        ({"sum_of_squares_bits": 17}, 8, CODES, "sum of squares of a row needs more bits"),
        ({"variance_bits": 16}, 8, CODES, "variance of a row does not fit"),
    ):
        unit = norm_unit("rsqrt_table", **changes)
        parameters = {"epsilon": np.array([1]), "pre_shift": np.array([unit.pre_shift(codes, n)])}
        with pytest.raises(IllFormed, match=words):
            unit.check("step", codes, n, {**parameters, "table": unit.entries})


def test_refused_fields() -> None:
    """The estimate has more fraction bits than the result, the operand at least the table's index."""
    for changes in ({"estimate_bits": 16}, {"operand_bits": 8, "table_bits": 9}, {"steps": 5}, {"table_bits": 1}):
        with pytest.raises(ValidationError):
            norm_unit("rsqrt_table", **changes)
