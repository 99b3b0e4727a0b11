"""A row sum, a constant row, a one-hot row and 4096 equal logits on every softmax unit: codes worked out by hand.

Kernel and judge both give them; the units are those of the sources, the logits have the scale 1/16.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from softmax_units import SECTIONS, agree, constants_for, unit_of_kind
from unit_agreement import same_stages

from bittrue.golden.units.softmax import KINDS as JUDGES
from bittrue.simulator.units.softmax import KINDS as KERNELS
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Width

SCALE = Fraction(1, 16)
KIND = pytest.mark.parametrize("kind", sorted(SECTIONS))


def codes(kind: str, row: list[int], scale: Fraction = SCALE) -> list[int]:
    """The output codes of one row by the kernel, which the plain statement and the judge confirm."""
    unit, logits = unit_of_kind(kind), np.array([row])
    constants = constants_for(unit, 8, scale)
    agree(unit, logits, constants)
    arrays = {"logits": logits, **constants}
    found = same_stages(unit, KERNELS[kind], JUDGES[kind], arrays, (*unit.stages, "output"))
    return [int(code) for code in found["output"][0]]


def row_sum(kind: str, row: list[int]) -> int:
    """The sum of the codes' distances to the zero point."""
    zero = unit_of_kind(kind).output(len(row)).zero_point
    return sum(code - zero for code in codes(kind, row))


FALLING = {
    "table": [42200, 15524, 5711, 2101],  # 65536 * p, to nearest
    "unnormalised": [65535, 24109, 8869, 3263],  # 65535 * exp(0, -1, -2, -3), to nearest
    "gemmlowp": [165 - 128, 61 - 128, 22 - 128, 8 - 128],  # 256 * p, to nearest
    # e = 32767, 12804, 4979, 2048 of 52598, r = 2**32 // 52598 = 81656: (e * r) >> 24
    "ibert": [159, 62, 24, 9],
    # 16 * 2**15; the rest 16 - 7/2 one octave down, ...; r = (2**31 - 1) // 830464 = 2585: (e * r) >> 24
    "ivit": [80, 31, 11, 4],
    "log_int": [1 << 14, 1 << 13, 1 << 12, 1 << 10],  # S / e to nearest = 2, 4, 11, 26: 2**-1, -2, -3, -5
    "hyq": [1 << 14, 1 << 13, 1 << 12, 1 << 10],  # 2, 4, 10, 26
    "ita": [255, 0, 0, 0],  # 16 logit steps are 16 octaves there
}
"""Codes of the logits 0, -1, -2, -3: probabilities 0.6439, 0.2369, 0.0871, 0.0321."""
SUMS = {
    "table": 65536, "unnormalised": 101776, "gemmlowp": 256, "ibert": 254, "ivit": 126, "log_int": 29696,
    "hyq": 29696, "ita": 255,
}  # fmt: skip


@KIND
def test_a_row_sum(kind: str) -> None:
    """Rounding units reach one exactly, flooring units stay below it, powers of two miss it by a tenth."""
    row = [64, 48, 32, 16]
    assert codes(kind, row) == FALLING[kind]
    assert row_sum(kind, row) == SUMS[kind]
    form = unit_of_kind(kind).output(4)
    assert form.row_sum_max is not None
    assert SUMS[kind] <= form.row_sum_max


TENTH = {
    "table": 6554,  # 6553.6
    "unnormalised": 65535,
    "gemmlowp": 26 - 128,  # 25.6
    "ibert": 25,  # r = 2**32 // 327670 = 13107: (32767 * 13107) >> 24 = 25.598
    "ivit": 12,  # r = (2**31 - 1) // (10 << 19) = 409: (2**19 * 409) >> 24 = 12.78
    "log_int": 1 << 12,  # 10 is nearer to 8 than to 16, below 12
    "hyq": 1 << 12,
    "ita": 25,  # 65280 // 2560 = 25.5
}


@KIND
@pytest.mark.parametrize("code", [-128, -1, 0, 127])
def test_a_constant_row(kind: str, code: int) -> None:
    """Ten equal logits of any code have a tenth each."""
    assert codes(kind, [code] * 10) == [TENTH[kind]] * 10


ONE_AND_NONE = {
    "table": (65535, 0), "unnormalised": (65535, 0), "gemmlowp": (127, -128), "ibert": (255, 0), "ivit": (127, 0),
    "log_int": (1 << 15, 0), "hyq": (1 << 15, 0), "ita": (255, 0),
}  # fmt: skip


@KIND
@pytest.mark.parametrize("n", [2, 197])
def test_a_one_hot_row(kind: str, n: int) -> None:
    """The only logit that counts gets the highest code at the first, any and the last place, the others the code
    of 0 (255 steps of 1/4 are exp(-63.75))."""
    one, none = ONE_AND_NONE[kind]
    for place in {0, n // 3, n - 1}:
        row = [-128] * n
        row[place] = 127
        wanted = [none] * n
        wanted[place] = one
        assert codes(kind, row, Fraction(1, 4)) == wanted


ALL_EQUAL = {
    "table": 16,  # 65536 / 4096
    "unnormalised": 65535,
    "ibert": 0,  # 256 / 4096 floors
    "ivit": 0,  # the sum saturates at 2**31 - 1, r = 1
    "log_int": 8,  # 2**(15 - 12)
    "hyq": 8,
}


@KIND
def test_4096_equal_logits(kind: str) -> None:
    """One in 4096 for each, or nothing where the output is too narrow for it; nothing wraps. gemmlowp's sum has 12
    integer bits and ITA's 19 bits: they refuse the row."""
    unit = unit_of_kind(kind)
    if kind in ALL_EQUAL:
        for code in (-128, 5, 127):
            assert set(codes(kind, [code] * 4096)) == {ALL_EQUAL[kind]}
    else:
        longest = {"gemmlowp": 4095, "ita": 2047}[kind]
        constants = constants_for(unit, 8, SCALE)
        unit.check("step", Width(8, True), longest, constants)
        with pytest.raises(IllFormed, match="longer than the unit holds"):
            unit.check("step", Width(8, True), 4096, constants)
        # 256 / 4095 and 65280 / (2047 * 256) are below one half and one: the code of 0
        assert set(codes(kind, [5] * longest)) == {unit.output(longest).zero_point}
