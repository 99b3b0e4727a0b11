"""I-BERT's norm unit: every stage, the root by Newton's iteration, mean rounding, the shift, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from norm_units import OVERFLOWS, code_rows, compare, extreme_rows, norm_unit, parameters_for
from pydantic import ValidationError

from bittrue.simulator.units.norm.ibert import newton_root
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Width

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)
CODES = Width(8, True)
DIVISIONS = tuple(rule for rule in Rounding if rule is not Rounding.TOSA_DOUBLE)
NO_SHIFT = {"variance_shift": np.array([0])}


@EXAMPLES
@given(code_rows(), st.sampled_from(DIVISIONS), st.integers(4, 30), st.integers(0, 5))
def test_every_row(drawn, rounding: Rounding, fraction_bits: int, shift: int) -> None:
    """Every stage is the formula's, for any codes, mean rounding, fraction and shift."""
    codes, rows = drawn
    unit = norm_unit("ibert", mean_rounding=rounding, fraction_bits=fraction_bits)
    compare(unit, codes, rows, {"variance_shift": np.array([shift])})


@EXAMPLES
@given(code_rows(bits=(2, 10)), st.sampled_from(OVERFLOWS[1:]), st.integers(8, 14), st.integers(8, 20))
def test_overflow(drawn, rule: str, sum_bits: int, square_bits: int) -> None:
    """Registers that wrap or saturate; a sum of squares below 0 counts as 0."""
    codes, rows = drawn
    unit = norm_unit("ibert", statistics_overflow=rule, sum_bits=sum_bits, sum_of_squares_bits=square_bits)
    compare(unit, codes, rows, NO_SHIFT)


@settings(max_examples=600, deadline=None, derandomize=True)
@given(
    st.one_of(st.integers(0, 4000), st.integers(0, (1 << 62) - 1), st.integers(0, (1 << 31) - 1).map(lambda r: r * r))
)
def test_newton_ends_at_the_floor_root(value: int) -> None:
    """Algorithm 4 of the paper gives floor(sqrt(value)) for every value, squares and their neighbours included."""
    for near in (value - 1, value, value + 1):
        assert newton_root(near) == (math.isqrt(near) if near > 0 else 0)


@pytest.mark.parametrize("n", [1, 2, 64, 640])
def test_extremes(n: int) -> None:
    """Constant rows normalize to 0 with a root of 1; a one-hot row of two comes close to its 1 / sqrt(2)."""
    unit = norm_unit("ibert")
    found = compare(unit, CODES, extreme_rows(CODES, n), NO_SHIFT)
    assert not found["normalized"][:3].any()
    assert found["root"][:3].reshape(-1).tolist() == [1, 1, 1]


def test_by_hand() -> None:
    """q = 1, 2, 3, 7: mean 13/4 = 3.25 -> 3, S2 = 4 + 1 + 0 + 16 = 21, R = 4, r = 2^31 / 4 = 2^29; u = y * 2^28."""
    found = compare(norm_unit("ibert"), CODES, np.array([[1, 2, 3, 7]]), NO_SHIFT)
    assert [found[name].item() for name in ("sum", "mean", "sum_of_squares", "root", "reciprocal")] == [
        13, 3, 21, 4, 1 << 29,
    ]  # fmt: skip
    assert found["normalized"].tolist() == [[-2 << 28, -1 << 28, 0, 4 << 28]]


@pytest.mark.parametrize("n", [3, 64, 145])
def test_the_public_code(n: int) -> None:
    """IntLayerNorm's statements in float64 (exact here, but for its 0.0001) give the same integers."""
    x = np.random.default_rng(n).integers(-128, 128, (200, n)).astype(np.float64)
    y = x - np.rint(x.mean(axis=1, keepdims=True))
    deviation = np.floor(np.sqrt((y**2).sum(axis=1, keepdims=True)))
    factor = np.floor(2.0**31 / deviation)
    found = compare(norm_unit("ibert"), CODES, x.astype(np.int64), NO_SHIFT)
    assert (found["reciprocal"] == factor).all()
    assert (found["normalized"] == np.floor(y * factor / 2)).all()


def test_ties_of_the_mean() -> None:
    """1/2, 3/2, -1/2 and -3/2 round to 0, 2, 0 and -2 half to even, to 1, 2, 0 and -1 half up."""
    rows = np.array([[0, 1], [1, 2], [-1, 0], [-2, -1]])
    for rounding, means in (("half_even", [0, 2, 0, -2]), ("half_up", [1, 2, 0, -1]), ("half_away", [1, 2, -1, -2])):
        found = compare(norm_unit("ibert", mean_rounding=rounding), CODES, rows, NO_SHIFT)
        assert found["mean"].reshape(-1).tolist() == means


def test_the_least_shift() -> None:
    """16-bit codes, 768 of them: S2 up to 768 * 65535^2 / 4 + 768 < 2^40 fits 41 bits; 33 bits ask for a shift.

    With h = 4: 768 * 4096^2 < 2^34 does not fit 33 bits signed, with h = 5: 768 * 2048^2 < 2^32 does.
    """
    codes = Width(16, True)
    assert norm_unit("ibert", sum_of_squares_bits=41).least_variance_shift(codes, 768) == 0
    narrow = norm_unit("ibert", sum_of_squares_bits=33)
    assert narrow.least_variance_shift(codes, 768) == 5
    for shift, words in ((4, "sum of squares of a row needs more bits"), (17, "variance_shift")):
        with pytest.raises(IllFormed, match=words):
            narrow.check("step", codes, 768, {"variance_shift": np.array([shift])})
    compare(narrow, codes, extreme_rows(codes, 768)[3:6], parameters_for(np.random.default_rng(0), narrow, codes, 768))


@pytest.mark.parametrize("rule", OVERFLOWS)
def test_sum_of_squares_of_mobilevitv2_100(rule: str) -> None:
    """Around the mean 131072 codes reach 131072 * 255^2 / 4 = 2^30.99: 32 bits hold them, 31 do not."""
    n = 131072
    norm_unit("ibert", sum_of_squares_bits=32, statistics_overflow=rule).check("step", CODES, n, NO_SHIFT)
    unit = norm_unit("ibert", sum_of_squares_bits=31, statistics_overflow=rule)
    if rule == "refuse":
        with pytest.raises(IllFormed, match="sum of squares of a row needs more bits"):
            unit.check("step", CODES, n, NO_SHIFT)
        return
    row = np.repeat([-128, 127], n // 2)[np.newaxis]
    squares = n // 2 * (128 * 128 + 127 * 127)  # the mean -0.5 rounds to 0
    found = compare(unit, CODES, row, NO_SHIFT)
    assert found["sum_of_squares"].item() == (squares - (1 << 31) if rule == "wrap" else (1 << 30) - 1)


def test_refused_fields() -> None:
    """A division has no TOSA rule of shifts."""
    with pytest.raises(ValidationError):
        norm_unit("ibert", mean_rounding="tosa_double")


def test_scale() -> None:
    """One unit of normalized is sqrt(n) * 2^-30 deviations: exactly for 144, to 80 bits for 145."""
    unit = norm_unit("ibert")
    assert unit.normalized_scale(144) * (1 << 30) == 12
    error = (unit.normalized_scale(145) * (1 << 30)) ** 2 - 145
    assert 0 < -error * (1 << 74) < 1
