"""I-ViT's norm unit: every stage, and the root that does not converge."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from norm_units import OVERFLOWS, code_rows, compare, extreme_rows, norm_unit

from bittrue.simulator.units.norm.ivit import stepped_root
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Width

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)
CODES = Width(8, True)
DIVISIONS = tuple(rule for rule in Rounding if rule is not Rounding.TOSA_DOUBLE)


@EXAMPLES
@given(code_rows(), st.sampled_from(DIVISIONS), st.integers(4, 30), st.integers(1, 31), st.integers(1, 40))
def test_every_row(drawn, rounding: Rounding, fraction_bits: int, start_bits: int, steps: int) -> None:
    """Every stage is the formula's, for any codes, mean rounding, fraction, start and number of steps."""
    codes, rows = drawn
    unit = norm_unit("ivit", mean_rounding=rounding, fraction_bits=fraction_bits, start_bits=start_bits, steps=steps)
    compare(unit, codes, rows, {})


@settings(max_examples=100, deadline=None, derandomize=True)
@given(code_rows(bits=(2, 10)), st.sampled_from(OVERFLOWS[1:]), st.integers(8, 14), st.integers(8, 20))
def test_overflow(drawn, rule: str, sum_bits: int, square_bits: int) -> None:
    """Registers that wrap or saturate; a sum of squares below 0 counts as 0."""
    codes, rows = drawn
    unit = norm_unit("ivit", statistics_overflow=rule, sum_bits=sum_bits, sum_of_squares_bits=square_bits)
    compare(unit, codes, rows, {})


def test_ten_steps_do_not_converge_for_small_sums() -> None:
    """The failure that the unit states: 64 for 0 and 100, 68 for 1000, 83 for 4096; below 1/30 from 2^14 on."""
    roots = {0: 64, 100: 64, 1000: 68, 4096: 83, 1 << 14: 132, 1 << 16: 256, 1 << 32: 1 << 16}
    assert {value: int(stepped_root(value, 16, 10)) for value in roots} == roots
    for value in np.geomspace(1 << 14, 1 << 40, 300).astype(np.int64).tolist():
        assert 1 <= stepped_root(value, 16, 10) / math.isqrt(value) < 1 + 1 / 30


def test_a_quiet_row_comes_out_too_small() -> None:
    """64 codes of +-2: S2 = 256, sqrt 16, but R = 65: what should be 1 deviation is a fourth of it."""
    row = np.tile([2, -2], 32)[np.newaxis]
    found = compare(norm_unit("ivit"), CODES, row, {})
    assert (found["sum_of_squares"].item(), found["root"].item()) == (256, 65)
    real = found["normalized"] * float(norm_unit("ivit").normalized_scale(64))
    assert np.allclose(np.abs(real), 16 / 65, atol=1e-6)
    enough = compare(norm_unit("ivit", steps=20), CODES, row, {})
    assert enough["root"].item() == 16


@pytest.mark.parametrize("n", [3, 64, 145])
def test_the_public_code(n: int) -> None:
    """IntLayerNorm's statements in float64 (exact here) give the same integers."""
    x = np.random.default_rng(n).integers(-128, 128, (200, n)).astype(np.float64)
    y = x - np.rint(x.mean(axis=1, keepdims=True))
    squares, k = (y**2).sum(axis=1, keepdims=True), 2.0**16
    for _ in range(10):
        k = np.floor((k + np.floor(squares / k)) / 2)
    factor = np.floor((2.0**31 - 1) / k)
    found = compare(norm_unit("ivit"), CODES, x.astype(np.int64), {})
    assert (found["root"] == k).all()
    assert (found["normalized"] == np.floor(y * factor / 2)).all()


def test_a_step_never_gives_zero() -> None:
    """With S2 = 0 the root halves to 1 and stays there; a constant row normalizes to 0."""
    found = compare(norm_unit("ivit", steps=40), CODES, np.full((1, 5), 77), {})
    assert found["root"].item() == 1
    assert not found["normalized"].any()


@pytest.mark.parametrize("n", [1, 2, 64, 640])
def test_extremes(n: int) -> None:
    """Constant, one-hot and half rows; constant rows have R = 64 and normalize to 0."""
    found = compare(norm_unit("ivit"), CODES, extreme_rows(CODES, n), {})
    assert not found["normalized"][:3].any()
    assert found["root"][:3].reshape(-1).tolist() == [64, 64, 64]


def test_by_hand() -> None:
    """One step from 2^1: (2 + 21 // 2) >> 1 = 6; r = (2^31 - 1) // 6 = 357913941; u = y * r >> 1, floored."""
    found = compare(norm_unit("ivit", start_bits=1, steps=1), CODES, np.array([[1, 2, 3, 7]]), {})
    assert (found["root"].item(), found["reciprocal"].item()) == (6, 357913941)
    assert found["normalized"].tolist() == [[-357913941, -178956971, 0, 715827882]]


def test_refused() -> None:
    """A 31-bit sum of squares for the longest row of MobileViTv2-100."""
    norm_unit("ivit", sum_of_squares_bits=32).check("step", CODES, 131072, {})
    with pytest.raises(IllFormed, match="sum of squares of a row needs more bits"):
        norm_unit("ivit", sum_of_squares_bits=31).check("step", CODES, 131072, {})
