"""A zero point that a float32 requantizer adds before it rounds: kernel, judge and exact fractions agree."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from op_datapaths import FLOAT32
from unit_agreement import same_stages

from bittrue.golden.units import requantize as judge
from bittrue.simulator.units import requantize as kernel
from bittrue.spec.units.core import check_requantize, requantize_stages

PATH = FLOAT32["float32, zero point before rounding"]
ROUNDED_FIRST = FLOAT32["float32"]
ENDS = {"low": np.array([-128]), "high": np.array([127])}
Arrays = dict[str, NDArray[np.int64]]


def agree(arrays: Arrays) -> Arrays:
    """Check the operands against the contract, then compare the two statements."""
    check_requantize(PATH.requantization, arrays)
    stages = requantize_stages(PATH.requantization)
    assert stages == ("rounded",)
    return same_stages(PATH, kernel.run, judge.run, arrays, (*stages, "output"))


def bits_of(value: float) -> NDArray[np.int64]:
    """IEEE-754 bits of a float32."""
    return np.array([np.float32(value).view(np.int32)], np.int64)


@pytest.mark.parametrize("zero_point", [-128, -127, -1, 0, 1, 126, 127, 128, 1 << 23, (1 << 24) + 1, -(1 << 30) - 1])
def test_every_small_accumulator(zero_point: int) -> None:
    """Accumulators -4096..4095 under scales with and without ties; zero points that float32 does not hold as well."""
    accumulator = np.arange(-4096, 4096)
    for scale in (0.5, 0.25, 0.75, 1.0, 1 / 3, 0.0313, 2.0**-24, 3.7e9):
        agree({"accumulator": accumulator, "multiplier": bits_of(scale), "zero_point": np.array([zero_point]), **ENDS})


def test_ties_go_to_the_even_code() -> None:
    """a / 2 + z rounds to the even sum, with z in it: for odd z halves go the other way than rounding first."""
    odd = np.arange(-99, 100, 2)
    for point in (0, 1, 5, -3):
        arrays = {"accumulator": odd, "multiplier": bits_of(0.5), "zero_point": np.array([point]), **ENDS}
        found = agree(arrays)["output"]
        assert (found % 2 == 0).all()
        other = kernel.run(ROUNDED_FIRST, arrays)["output"]
        assert (found == other).all() == (point % 2 == 0)


@settings(max_examples=150, deadline=None)
@given(
    accumulators=st.lists(st.integers(-(1 << 47), 1 << 47) | st.integers(-300, 300), min_size=1, max_size=30),
    mantissa=st.integers(1 << 23, (1 << 24) - 1),
    exponent=st.integers(-60, 8),
    zero_point=st.integers(-(1 << 30), 1 << 30) | st.integers(-200, 200),
)
def test_against_fractions(accumulators: list[int], mantissa: int, exponent: int, zero_point: int) -> None:
    """rint(F(F(F(a) * scale) + F(z))), held in int32, each F rounded by exact fractions."""
    scale = Fraction(mantissa) * Fraction(2) ** exponent
    arrays = {
        "accumulator": np.array(accumulators),
        "multiplier": bits_of(float(scale)),
        "zero_point": np.array([zero_point]),
        "low": np.array([-(1 << 40)]),
        "high": np.array([1 << 40]),
    }
    wanted = [
        max(-(1 << 31), min((1 << 31) - 1, round(nearest(nearest(nearest(Fraction(a)) * scale) + nearest(zero_point)))))
        for a in accumulators
    ]
    assert agree(arrays)["rounded"].tolist() == wanted


def nearest(value: Fraction | int) -> Fraction:
    """F: 24 significant bits, ties to even."""
    value = Fraction(value)
    if value == 0:
        return value
    unit = Fraction(1)
    while abs(value) / unit >= 1 << 24:
        unit *= 2
    while abs(value) / unit < 1 << 23:
        unit /= 2
    return round(value / unit) * unit
