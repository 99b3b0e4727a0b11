"""FQ-ViT's log-int-softmax: thresholds of the logarithm, ties of the quotient, what lies past the last code."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from softmax_units import agree, constants_for, unit_of_kind

from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Width

FLAT = {"octave": np.array([1]), "b": np.array([1]), "c": np.array([1])}
"""Every code down halves the exponential, exactly."""


def test_by_hand() -> None:
    """S = 1/8: octave 6, b 21, c 178; distances 0, 1, 7 give 178, 158 and 158 / 2 times 2**30.

    S / e = 415 / 178 = 2.33 -> 2 -> 1; 415 / 158 = 2.63 -> 3 -> 2 (3 is 1.5 * 2); 5.25 -> 5 -> 2.
    """
    unit = unit_of_kind("log_int")
    found = agree(unit, np.array([[30, 29, 23]]), constants_for(unit, 8, Fraction(1, 8)))
    assert found["exponential"].tolist() == [[178 << 30, 158 << 30, 158 << 29]]
    assert found["quotient"].tolist() == [[2, 3, 5]]
    assert found["log2"].tolist() == [[1, 2, 2]]
    assert found["output"].tolist() == [[1 << 14, 1 << 13, 1 << 13]]


def test_equal_logits_show_every_threshold() -> None:
    """n equal logits have the quotient n: k rises at 3, 6, 12, 24 ... 1.5 * 2**k."""
    unit = unit_of_kind("log_int")
    for n, k in ((1, 0), (2, 1), (3, 2), (5, 2), (6, 3), (11, 3), (12, 4), (191, 7), (192, 8)):
        found = agree(unit, np.full((1, n), 7), FLAT)
        assert found["quotient"][0, 0] == n and found["log2"][0, 0] == k
        assert found["output"][0, 0] == 1 << (15 - k)


def test_ties_of_the_quotient_go_to_even() -> None:
    """Exponentials 2, 1, 1, 1: 5/2 = 2.5 -> 2 -> k = 1, where rounding up would give 3 -> k = 2."""
    found = agree(unit_of_kind("log_int"), np.array([[0, -1, -1, -1]]), FLAT)
    assert found["quotient"].tolist() == [[2, 5, 5, 5]]
    assert found["log2"].tolist() == [[1, 2, 2, 2]]
    seven = agree(unit_of_kind("log_int"), np.array([[0] + [-1] * 5]), FLAT)  # 3.5 -> 4
    assert seven["quotient"][0, 0] == 4


def test_past_the_last_code() -> None:
    """14 and 15 codes below: 2**-14, 2**-15; 16 below is 0, or with "last" 2**-15."""
    logits = np.array([[0, -14, -15, -16, -30, -40]])
    released = agree(unit_of_kind("log_int"), logits, FLAT)
    assert released["log2"].tolist() == [[0, 14, 15, 16, 16, 16]]
    assert released["output"].tolist() == [[1 << 15, 2, 1, 0, 0, 0]]
    paper = agree(unit_of_kind("log_int", past_the_end="last"), logits, FLAT)
    assert paper["log2"].tolist() == [[0, 14, 15, 15, 15, 15]]
    assert paper["output"].tolist() == [[1 << 15, 2, 1, 1, 1, 1]]


def test_an_exponential_of_zero_has_no_quotient() -> None:
    """7 - 1 * (9 - 1) is held at 0: then the quotient is 0 and the code the one past the end."""
    constants = {"octave": np.array([9]), "b": np.array([9]), "c": np.array([7])}
    found = agree(unit_of_kind("log_int"), np.array([[0, -1]]), constants)
    assert found["polynomial"].tolist() == [[7, 0]]
    assert found["quotient"].tolist() == [[1, 0]] and found["output"].tolist() == [[1 << 15, 0]]


def test_fewer_code_bits() -> None:
    """3 bits: probabilities 2**-7 .. 1 in 8 bits."""
    unit = unit_of_kind("log_int", code_bits=3)
    assert unit.output(4).bits == 8 and unit.output(4).scale == Fraction(1, 128)
    assert agree(unit, np.array([[0, -6, -7, -8]]), FLAT)["output"].tolist() == [[128, 2, 1, 0]]


def test_sums_past_62_bits_are_refused() -> None:
    """n * (c << 30) must stay below 2**62."""
    unit = unit_of_kind("log_int")
    constants = {**FLAT, "c": np.array([1 << 20])}
    unit.check("here", Width(8, True), 4095, constants)
    with pytest.raises(IllFormed, match="sum of exponentials may not fit"):
        unit.check("here", Width(8, True), 4096, constants)
