"""Operands that are solved for give what was asked."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bittrue.calibration.lowering.tables import exponential_table as lowered_table
from bittrue.golden.stimuli.draw import generator, of_any_size, walking, walking_signed
from bittrue.golden.stimuli.exponentials import exponential_table, weights_table
from bittrue.golden.stimuli.mean import rows_that_sum
from bittrue.golden.stimuli.norm_rows import drawn, scaling_of, with_root, with_rounding
from bittrue.golden.stimuli.softmax_sums import Wanted, fractions, products, row_of
from bittrue.golden.stimuli.solve import factors, inverse, tie
from bittrue.golden.stimuli.sums import terms_of
from bittrue.hw_configs.load import load_datapath
from bittrue.spec.units.norm.exact import ExactNorm
from bittrue.spec.units.softmax.table import TableSoftmax

RNG = generator(0, "test")
SOFTMAX, NORM = load_datapath("iot_npu").softmax, load_datapath("iot_npu").norm
assert isinstance(SOFTMAX, TableSoftmax) and isinstance(NORM, ExactNorm)


def test_patterns() -> None:
    """Each bit alone as 1 and as 0, in unsigned and two's complement registers; sizes of all widths."""
    assert set(walking(3).tolist()) == {0, 1, 2, 4, 6, 5, 3, 7}
    assert set(walking_signed(3).tolist()) == {0, 1, 2, 3, -4, -2, -3, -1}
    sizes = of_any_size(RNG, 20, 4000, signed=True)
    assert {int(abs(x)).bit_length() for x in sizes} == set(range(21)) and sizes.min() < 0


@pytest.mark.parametrize("bits", [3, 30, 46, 62])
def test_inverse(bits: int) -> None:
    """odd * inverse is 1 modulo 2**bits."""
    odd = RNG.integers(0, 1 << 31, 50) | 1
    assert all(int(a) * int(b) % (1 << bits) == 1 for a, b in zip(odd, inverse(odd, bits), strict=True))


@pytest.mark.parametrize("shift", [2, 9, 31, 40])
def test_factors_and_ties(shift: int) -> None:
    """Products are k * 2**shift and the rest that was asked for; a tie is an odd number of halves."""
    half = 1 << (shift - 1)
    a, m = factors(RNG, shift, half - 1, 200, 31, 31, 6)
    assert a.size and ((a * m - half + 1) % (1 << shift) == 0).all() and (np.abs(a * m) >> shift <= 200).all()
    odd = np.array([1, -1, 5, -77])
    a, m = tie(RNG, shift, odd, 31, 31)
    assert sorted((a * m // half).tolist()) == sorted(odd.tolist()) and (m < 1 << 31).all()


@pytest.mark.parametrize("target", [0, 1, -1, (1 << 30) - 1, -(3 << 33) + 1, 255 << 30])
def test_terms_have_the_sum(target: int) -> None:
    """Differences and multipliers within their registers, the larger multiplier with its top bit set."""
    found = terms_of(RNG, target, 255, 31)
    assert found is not None and found.da * found.ma + found.db * found.mb == target
    assert max(found.ma, found.mb) >> 30 == 1 and 0 < abs(found.da) <= 255 and 0 < abs(found.db) <= 255


def test_rows_have_the_sum() -> None:
    """Codes of 8 bits, signed or unsigned, and a zero point among them."""
    total = np.array([0, 1, -1, 4080, -4080, 777])
    codes, zero_point = rows_that_sum(RNG, total, 16)
    assert ((codes - zero_point[:, None]).sum(axis=1) == total).all()
    spans = np.concatenate([codes, zero_point[:, None]], axis=1)
    signed = (spans.min(axis=1) >= -128) & (spans.max(axis=1) <= 127)
    assert (signed | ((spans.min(axis=1) >= 0) & (spans.max(axis=1) <= 255))).all()


@pytest.mark.parametrize("step", [Fraction(1, 16), Fraction(2), Fraction(3, 7)])
def test_the_exponentials_are_those_of_lowering(step: Fraction) -> None:
    """Both are rounded from exact arithmetic, written apart."""
    assert exponential_table(SOFTMAX, step).tolist() == lowered_table(8, step, 16).tolist()


def test_softmax_rows_have_the_sum_and_the_exponential() -> None:
    """A row is put together from 0, powers of two and what was asked for."""
    wanted = products(SOFTMAX, RNG, 30 * 65535, (1 << 29) - 1, 3) + [Wanted(65535, 65535), Wanted(131072, 4097)]
    assert len(wanted) == 5
    for row in wanted[:3]:
        assert row.exponential * ((1 << 46) // row.total) % (1 << 30) == (1 << 29) - 1
    table = weights_table(SOFTMAX, RNG, [row.exponential for row in wanted])
    for row in wanted:
        exponentials = table[row_of(table, 48, row, RNG)]
        assert exponentials.sum() == row.total and row.exponential in exponentials and 65535 in exponentials
    (small, *_) = fractions(SOFTMAX, 500 * 65535, (1 << 29) - 1, 3)
    assert small.exponential * ((1 << 46) // small.total) == (1 << 29) - 1


@pytest.mark.parametrize("case, rest", [("tie", 0), ("below", -1), ("above", 1)])
def test_norm_constants_give_the_rounding(case: str, rest: int) -> None:
    """Some element of the row is a tie in front of `normalized`, or its neighbour."""
    found = [with_rounding(NORM, RNG, drawn(RNG, 16, 1)[0], case) for _ in range(6)]
    row = drawn(RNG, 16, 1)[0]
    scaling = next(filter(None, (with_rounding(NORM, RNG, row := drawn(RNG, 16, 1)[0], case) for _ in range(20))))
    half = 1 << (scaling.shift - 1)
    assert any(found) and (scaling.products(row) % (1 << scaling.shift) == half + rest).any()


def test_norm_constants_give_the_root() -> None:
    """A root that was asked for; epsilon and rows that the unit refuses are not proposed."""
    row = np.array([3, 3, 3, 3])
    scaling = with_root(NORM, row, (1 << 30) + 12345)
    assert scaling is not None and scaling.root(row) == (1 << 30) + 12345 and scaling.reciprocal_bits == 62
    assert scaling_of(NORM, 4, 1 << 62) is None
