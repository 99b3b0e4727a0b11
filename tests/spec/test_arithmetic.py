"""The rules of spec/arithmetic.py against their definitions on exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bittrue.spec.arithmetic import (
    Rounding,
    clamp,
    code_range,
    integer_root,
    multiplier_and_shift,
    requantize,
    round_shift,
    signed_bits,
    wrap,
)
from bittrue.spec.errors import IllFormed

EXAMPLES = settings(max_examples=300, deadline=None, derandomize=True)
VALUES = st.integers(-(1 << 61), 1 << 61)
MODES = st.sampled_from(list(Rounding))


def rounded(x: Fraction, mode: Rounding, shift: int) -> int:
    """The textbook definition of each mode on an exact fraction; `round` of a Fraction is half to even."""
    if mode is Rounding.HALF_UP:
        return math.floor(x + Fraction(1, 2))
    if mode is Rounding.HALF_AWAY:
        return int(math.copysign(1, x)) * math.floor(abs(x) + Fraction(1, 2))
    if mode is Rounding.TOWARD_ZERO:
        return math.trunc(x)
    if mode is Rounding.TOSA_DOUBLE:  # 2**30 units of the value are first moved away from zero
        early = Fraction(1 << 30, 1 << shift) if shift > 31 else Fraction(0)
        return math.floor(x + Fraction(1, 2) + (early if x >= 0 else -early))
    return round(x) if mode is Rounding.HALF_EVEN else math.floor(x)


@EXAMPLES
@given(VALUES, st.integers(1, 62), MODES)
def test_round_shift_is_the_rounded_quotient(value: int, shift: int, mode: Rounding) -> None:
    """round_shift(v, s) is v / 2**s rounded as the mode's definition says."""
    assert round_shift(value, shift, mode) == rounded(Fraction(value, 1 << shift), mode, shift)


@EXAMPLES
@given(st.integers(-(1 << 20), 1 << 20), st.integers(1, 40), st.integers(-1, 1), MODES)
def test_round_shift_around_ties(quotient: int, shift: int, offset: int, mode: Rounding) -> None:
    """The same at ties and one least significant bit to either side of them."""
    value = (2 * quotient + 1) * (1 << (shift - 1)) + offset
    assert round_shift(value, shift, mode) == rounded(Fraction(value, 1 << shift), mode, shift)


TIES = {
    Rounding.HALF_UP: [-2, -1, 0, 1, 2, 3],
    Rounding.HALF_AWAY: [-3, -2, -1, 1, 2, 3],
    Rounding.HALF_EVEN: [-2, -2, 0, 0, 2, 2],
    Rounding.FLOOR: [-3, -2, -1, 0, 1, 2],
    Rounding.TOWARD_ZERO: [-2, -1, 0, 0, 1, 2],
    Rounding.TOSA_DOUBLE: [-2, -1, 0, 1, 2, 3],
}


@pytest.mark.parametrize("mode", Rounding)
def test_ties_by_hand(mode: Rounding) -> None:
    """What becomes of -2.5, -1.5, -0.5, 0.5, 1.5 and 2.5."""
    values = [-5, -3, -1, 1, 3, 5]
    assert [round_shift(value, 1, mode) for value in values] == TIES[mode]
    assert round_shift(np.array(values), 1, mode).tolist() == TIES[mode]
    assert round_shift(torch.tensor(values), 1, mode).tolist() == TIES[mode]


def test_the_table_in_the_documentation() -> None:
    """docs/arithmetic.md prints these integers, and those of -2.75, -2.25, 2.25 and 2.75."""
    text = (Path(__file__).parents[2] / "docs" / "arithmetic.md").read_text(encoding="utf-8")
    for mode in Rounding:
        wanted = TIES[mode] + [round_shift(value, 2, mode) for value in (-11, -9, 9, 11)]
        assert f"| `{mode}` | {' | '.join(map(str, wanted))} |\n" in text


@EXAMPLES
@given(
    st.integers(-(1 << 31), (1 << 31) - 1),
    st.integers(1 - (1 << 31), (1 << 31) - 1),
    st.integers(1, 61),
    st.integers(-(1 << 31), (1 << 31) - 1),
    st.integers(2, 16),
    st.booleans(),
    MODES,
)
def test_requantize_is_one_rounding_and_one_saturation(
    accumulator: int, multiplier: int, shift: int, zero_point: int, bits: int, signed: bool, mode: Rounding
) -> None:
    """Requantize rounds acc * m / 2**s once, then adds the zero point, then saturates once."""
    low, high = code_range(bits, signed)
    exact = rounded(Fraction(accumulator * multiplier, 1 << shift), mode, shift) + zero_point
    assert requantize(accumulator, multiplier, shift, zero_point, low, high, mode) == sorted((low, exact, high))[1]


@EXAMPLES
@given(st.integers(1 - (1 << 63), (1 << 63) - 1), st.integers(1, 62))
def test_wrap_is_the_residue_in_the_register(value: int, bits: int) -> None:
    """Wrap gives the one integer of the register's range that differs from the value by whole turns."""
    low, high = code_range(bits, True)
    result = wrap(value, bits)
    assert low <= result <= high
    assert (value - result) % (1 << bits) == 0


@EXAMPLES
@given(VALUES, st.integers(1, 62), MODES)
def test_arrays_mean_the_same(value: int, shift: int, mode: Rounding) -> None:
    """NumPy int64 and torch int64 give what Python integers give, value and shift as arrays."""
    wanted = [round_shift(value, shift, mode), round_shift(-value, shift, mode)]
    assert round_shift(np.array([value, -value]), np.array([shift, shift]), mode).tolist() == wanted
    assert round_shift(torch.tensor([value, -value]), torch.tensor([shift, shift]), mode).tolist() == wanted


@EXAMPLES
@given(st.integers(0, (1 << 63) - 1))
def test_integer_root_is_the_floor(value: int) -> None:
    """R*R <= v < (R+1)*(R+1)."""
    root = integer_root(value)
    assert root * root <= value < (root + 1) * (root + 1)


@EXAMPLES
@given(st.integers(1, 1 << 60), st.integers(1, 1 << 60), st.sampled_from([8, 14, 16, 24, 31]))
def test_multiplier_and_shift_is_nearest(numerator: int, denominator: int, bits: int) -> None:
    """No pair with the multiplier's top bit set lies nearer to the ratio; a tie takes the larger multiplier."""
    ratio = Fraction(numerator, denominator)
    assume(Fraction(1, 1 << 25) < ratio < 64)
    multiplier, shift = multiplier_and_shift(ratio, bits, 62)
    assert 1 << (bits - 1) <= multiplier < 1 << bits
    error = abs(Fraction(multiplier, 1 << shift) - ratio)
    for other_shift in range(max(1, shift - 1), min(62, shift + 1) + 1):
        exact = ratio * (1 << other_shift)
        for other in {math.floor(exact), math.ceil(exact)}:
            if 1 << (bits - 1) <= other < 1 << bits:
                assert error <= abs(Fraction(other, 1 << other_shift) - ratio)
    assert Fraction(multiplier, 1 << shift) >= ratio or error < Fraction(1, 2 << shift)


def test_multiplier_and_shift_by_hand() -> None:
    """One, a tie (128.5/256 at 8 bits rounds up to 129), and a ratio that rounds up to the next power of two."""
    assert multiplier_and_shift(Fraction(1), 31, 62) == (1 << 30, 30)
    assert multiplier_and_shift(Fraction(257, 512), 8, 62) == (129, 8)
    assert multiplier_and_shift(Fraction(511, 512), 8, 62) == (128, 7)
    assert multiplier_and_shift(Fraction(1, 3), 8, 62) == (171, 9)


@pytest.mark.parametrize(
    ("ratio", "bits", "shift_max"),
    [
        (Fraction(0), 31, 62),
        (Fraction(-1, 2), 31, 62),
        (Fraction(1 << 30), 31, 62),
        ((1 << 30) - Fraction(1, 4), 31, 62),
        (Fraction(1, 1 << 33), 31, 62),
        (Fraction(1, 2), 31, 30),
    ],
)
def test_multiplier_and_shift_refuses(ratio: Fraction, bits: int, shift_max: int) -> None:
    """A ratio that is not positive or needs a shift outside 1..shift_max is refused, rounding up included."""
    with pytest.raises(IllFormed, match="ratio"):
        multiplier_and_shift(ratio, bits, shift_max)


def test_multiplier_and_shift_at_its_ends() -> None:
    """Shift 1 and shift_max themselves are accepted."""
    assert multiplier_and_shift(Fraction(1 << 29), 31, 62) == (1 << 30, 1)
    assert multiplier_and_shift(Fraction(1, 1 << 32), 31, 62) == (1 << 30, 62)
    assert multiplier_and_shift(Fraction(1, 2), 31, 31) == (1 << 30, 31)


@EXAMPLES
@given(VALUES, VALUES)
def test_signed_bits_is_the_least_width(a: int, b: int) -> None:
    """The interval fits a register of that width and no narrower one."""
    low, high = min(a, b), max(a, b)
    bits = signed_bits(low, high)
    least, most = code_range(bits, True)
    assert least <= low
    assert high <= most
    assert bits == 1 or low < least >> 1 or high > most >> 1


@pytest.mark.parametrize(
    ("low", "high", "bits"), [(0, 0, 1), (-1, 0, 1), (0, 1, 2), (-128, 127, 8), (-129, 0, 9), (5, 128, 9), (-9, -9, 5)]
)
def test_signed_bits_by_hand(low: int, high: int, bits: int) -> None:
    """Ends of registers, and intervals without zero."""
    assert signed_bits(low, high) == bits


def test_code_ranges_and_clamp() -> None:
    """s8 is -128..127, u8 is 0..255; clamp keeps what lies inside."""
    assert code_range(8, True) == (-128, 127)
    assert code_range(8, False) == (0, 255)
    assert [clamp(value, -4, 3) for value in (-5, -4, 0, 3, 4)] == [-4, -4, 0, 3, 3]
