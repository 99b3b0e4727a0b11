"""The exact norm unit: width claims on the rows that stretch them most, overflow rules, pre-shift."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from norm_units import OVERFLOWS, SHIFT_ROUNDINGS, code_rows, compare, extreme_rows, norm_unit, parameters_for

from bittrue.simulator.units.norm import KINDS
from bittrue.spec.arithmetic import Rounding, code_range
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Width

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)


def constants(unit, codes: Width, n: int, epsilon: int = 1) -> dict[str, np.ndarray]:
    """The row's own constants."""
    shifts = unit.root_shift_and_reciprocal_bits(codes, n, epsilon)
    values = {"epsilon": epsilon, "pre_shift": unit.pre_shift(codes, n)}
    values |= {"root_shift": shifts[0], "reciprocal_bits": shifts[1]}
    return {name: np.array([value]) for name, value in values.items()}


@EXAMPLES
@given(code_rows(), st.sampled_from(SHIFT_ROUNDINGS), st.integers(4, 24), st.integers(0, 1 << 30))
def test_every_row(drawn, rounding: Rounding, fraction_bits: int, seed: int) -> None:
    """Every stage is the formula's, for any codes, rounding and fraction."""
    codes, rows = drawn
    unit = norm_unit("exact", rounding=rounding, fraction_bits=fraction_bits)
    compare(unit, codes, rows, parameters_for(np.random.default_rng(seed), unit, codes, rows.shape[1]))


@EXAMPLES
@given(
    code_rows(bits=(2, 10)), st.sampled_from(OVERFLOWS[1:]), st.integers(8, 16), st.integers(8, 24), st.integers(0, 99)
)
def test_overflow(drawn, rule: str, sum_bits: int, square_bits: int, seed: int) -> None:
    """Registers that wrap or saturate after every addition, in ascending order, narrow or wide."""
    codes, rows = drawn
    unit = norm_unit("exact", statistics_overflow=rule, sum_bits=sum_bits, sum_of_squares_bits=square_bits)
    compare(unit, codes, rows, parameters_for(np.random.default_rng(seed), unit, codes, rows.shape[1]))


def test_saturation_depends_on_the_order() -> None:
    """9 bits hold 255: 127 + 127 + 127 - 128 saturates on the way, in another order it does not."""
    unit = norm_unit("exact", statistics_overflow="saturate", sum_bits=9)
    rows = np.array([[127, 127, 127, -128], [127, -128, 127, 127], [-128, -128, -128, 127]])
    found = compare(unit, Width(8, True), rows, constants(unit, Width(8, True), 4))
    assert found["sum"].reshape(-1).tolist() == [127, 253, -129]


def test_sum_of_squares_of_mobilevitv2_100() -> None:
    """131072 codes of its third stage: 2**31 at all -128 in signed codes, 2**32.99 in unsigned ones.

    32 bits refuse both; 33 bits refuse the signed ones by one (2**31 needs 33 bits and fits), 34 hold both.
    """
    n, unit = 131072, norm_unit("exact", sum_of_squares_bits=32)
    for codes in (Width(8, True), Width(8, False)):
        with pytest.raises(IllFormed, match="sum of squares of a row needs more bits"):
            unit.check("step", codes, n, constants(unit, codes, n))
    wider = norm_unit("exact", sum_of_squares_bits=33)
    wider.check("step", Width(8, True), n, constants(wider, Width(8, True), n))
    with pytest.raises(IllFormed, match="34 bits"):
        wider.check("step", Width(8, False), n, constants(wider, Width(8, False), n))
    full = norm_unit("exact", sum_of_squares_bits=34)
    full.check("step", Width(8, False), n, constants(full, Width(8, False), n))


def test_a_wrapping_32_bit_sum_of_squares() -> None:
    """The same row through 32 bits: all -128 wraps to -2**31, V falls to 1; all 127 does not wrap."""
    n, codes = 131072, Width(8, True)
    unit = norm_unit("exact", sum_of_squares_bits=32, statistics_overflow="wrap")
    rows = np.array([[-128] * n, [127] * n])
    chosen = constants(unit, codes, n)
    unit.check("step", codes, n, chosen)
    found = KINDS["exact"](unit, {"codes": rows, **chosen})
    assert found["sum_of_squares"].reshape(-1).tolist() == [-(1 << 31), n * 127 * 127]
    assert found["variance"].reshape(-1).tolist() == [1, 1]
    stopped = norm_unit("exact", sum_of_squares_bits=32, statistics_overflow="saturate")
    found = KINDS["exact"](stopped, {"codes": rows, **chosen})
    assert found["sum_of_squares"].reshape(-1).tolist() == [(1 << 31) - 1, n * 127 * 127]


@pytest.mark.parametrize(("n", "bits", "signed"), [(1, 8, True), (2, 8, False), (7, 4, True), (144, 8, True)])
@pytest.mark.parametrize("rule", OVERFLOWS)
def test_extremes(n: int, bits: int, signed: bool, rule: str) -> None:
    """Constant, one-hot and half rows; constant rows normalize to 0 where nothing overflows."""
    codes = Width(bits, signed)
    unit = norm_unit("exact", statistics_overflow=rule)
    found = compare(unit, codes, extreme_rows(codes, n), constants(unit, codes, n))
    assert not found["normalized"][:2].any()


@pytest.mark.parametrize(("n", "shift"), [(65536, 0), (65537, 1), (131072, 2), (1 << 18, 3), (1 << 19, 4)])
def test_pre_shift_of_16_bit_codes(n: int, shift: int) -> None:
    """n^2 * max|c|^2 must stay at 2^62 and V below it, so each doubling of the row past 2^16 costs a bit.

    Half up, one shift gives -2^14..2^14, whose largest V for n = 2^17 is 2^34 * 2^30 / 4 = 2^62: a bit too wide.
    """
    unit = norm_unit("exact", pre_shift_max=4, sum_of_squares_bits=62)
    assert unit.pre_shift(Width(16, True), n) == shift
    unit.check("step", Width(16, True), n, constants(unit, Width(16, True), n))
    if shift > 1:
        without = norm_unit("exact", sum_of_squares_bits=62)
        with pytest.raises(IllFormed, match="may not fit 63 bits|does not fit the norm unit"):
            without.check("step", Width(16, True), n, constants(without, Width(16, True), n))


def test_pre_shift_by_hand() -> None:
    """65538 codes 20001 and -20001: c = 10001 and -10000 (half up), the normalized values -1 and 1."""
    n, codes = 65538, Width(16, True)
    unit = norm_unit("exact", pre_shift_max=2)
    rows = np.tile(np.array([-20001, 20001]), n // 2)[np.newaxis]
    chosen = constants(unit, codes, n)
    unit.check("step", codes, n, chosen)
    assert chosen["pre_shift"].tolist() == [1]
    found = KINDS["exact"](unit, {"codes": rows, **chosen})
    assert found["sum"].item() == n // 2
    assert found["sum_of_squares"].item() == n // 2 * (10001**2 + 10000**2)
    assert set(found["normalized"].reshape(-1).tolist()) == {-(1 << 16), 1 << 16}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(code_rows(bits=(12, 16), n_max=12), st.sampled_from(SHIFT_ROUNDINGS), st.integers(20, 30), st.integers(0, 99))
def test_pre_shift_for_a_narrow_variance(drawn, rounding: Rounding, variance_bits: int, seed: int) -> None:
    """A narrow variance register asks for a shift as well; codes round by the unit's rule."""
    codes, rows = drawn
    unit = norm_unit("exact", rounding=rounding, variance_bits=variance_bits, pre_shift_max=14, fraction_bits=8)
    parameters = parameters_for(np.random.default_rng(seed), unit, codes, rows.shape[1])
    parameters["epsilon"] = np.array([1])
    shifts = unit.root_shift_and_reciprocal_bits(codes, rows.shape[1], 1)
    parameters |= {"root_shift": np.array([shifts[0]]), "reciprocal_bits": np.array([shifts[1]])}
    compare(unit, codes, rows, parameters)


def worst_rows(low: int, high: int, n: int) -> list[list[int]]:
    """One outlier at either end, two halves, the smallest unevenness, and no unevenness at all."""
    return [
        [high] + [low] * (n - 1),
        [low] + [high] * (n - 1),
        [low] * (n // 2) + [high] * (n - n // 2),
        [low + 1] + [low] * (n - 1),
        [high] * n,
    ]


@EXAMPLES
@given(st.integers(1, 700), st.integers(2, 16), st.booleans(), st.integers(1, 1 << 20), st.sampled_from([40, 50, 62]))
def test_widths(n: int, bits: int, signed: bool, epsilon: int, variance_bits: int) -> None:
    """V << 2k stays below 2**variance_bits, (n*q - S1) * r below 2**62, u below its bound for 8..24 fraction bits."""
    codes, unit = Width(bits, signed), norm_unit("exact", variance_bits=variance_bits)
    largest = unit.statistics(codes, n, 0).variance + epsilon
    k, p = unit.root_shift_and_reciprocal_bits(codes, n, epsilon)
    if largest.bit_length() > variance_bits:
        with pytest.raises(IllFormed, match="does not fit the norm unit"):
            unit.check("step", codes, n, constants(unit, codes, n, epsilon))
        return
    assert k >= 0
    assert p <= 62
    assert p - k - 24 >= 1
    for row in worst_rows(*code_range(bits, signed), n):
        total = sum(row)
        variance = n * sum(q * q for q in row) - total * total + epsilon
        assert variance <= largest
        assert variance << 2 * k < 1 << variance_bits
        reciprocal = (1 << p) // math.isqrt(variance << 2 * k)
        reach = max(abs(n * q - total) for q in row)
        assert reach**2 <= (n - 1) * variance
        assert reach * reciprocal < 1 << 62
        for fraction_bits in (8, 16, 24):
            normalized = (reach * reciprocal >> p - k - fraction_bits) + 1
            assert normalized <= (2 * (math.isqrt(n - 1) + 1) << fraction_bits) + 1


@pytest.mark.parametrize(
    ("n", "bits", "epsilon"), [(2, 8, 1), (144, 8, 1), (6, 4, 100), (640, 16, 1), (64 * 256, 8, 1)]
)
def test_the_root_shift_is_the_largest(n: int, bits: int, epsilon: int) -> None:
    """One more would let the largest variance out of its register."""
    codes, unit = Width(bits, True), norm_unit("exact")
    k, _ = unit.root_shift_and_reciprocal_bits(codes, n, epsilon)
    largest = unit.statistics(codes, n, 0).variance + epsilon
    assert largest << 2 * k < 1 << 62 <= largest << 2 * (k + 1)


def test_by_hand() -> None:
    """N = 144 codes of 8 bits: the largest V is 144*144/4 * 255*255 + 1 = 337089601, 29 bits; k = (62 - 29) // 2 = 16.

    sqrt(143) < 12 has 4 bits, growth 5; p = min(62, 62 + 16 - 5) = 62.
    """
    codes = Width(8, True)
    assert norm_unit("exact").statistics(codes, 144, 0).variance + 1 == 337089601
    assert norm_unit("exact").root_shift_and_reciprocal_bits(codes, 144, 1) == (16, 62)
    assert norm_unit("exact", variance_bits=29).root_shift_and_reciprocal_bits(codes, 144, 1) == (0, 57)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 7])
def test_the_largest_variance_is_reached(n: int) -> None:
    """Half of the codes at either end: exactly for even n, and never more for odd n."""
    row = worst_rows(-8, 7, n)[2]
    variance = n * sum(q * q for q in row) - sum(row) ** 2
    largest = norm_unit("exact").statistics(Width(4, True), n, 0).variance
    assert variance <= largest
    assert n % 2 or variance == largest
