"""I-BERT softmax by hand, and the refusals of its widths."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from pydantic import ValidationError
from softmax_units import agree, constants_for, unit_of_kind

from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Width


def test_by_hand() -> None:
    """S = 1/8: octave = ceil(5.5448) = 6, b = floor(21.66) = 21, c = floor(178.7) = 178.

    Distances 0, 1, 7, 30 are 0, 0, 1, 5 octaves with rests 0, 1, 1, 0: p = 178, 178 - 20 = 158, 158, 178. With
    32767/178 in front: 32767, 29085.3, 14542.7, 1023.97. S = 77418 + ...: floor(2**32 / 77418) = 55477.
    """
    unit = unit_of_kind("ibert")
    constants = constants_for(unit, 8, Fraction(1, 8))
    assert [int(constants[name][0]) for name in ("octave", "b", "c")] == [6, 21, 178]
    found = agree(unit, np.array([[30, 29, 23, 0]]), constants)
    assert found["octaves"].tolist() == [[0, 0, 1, 5]]
    assert found["polynomial"].tolist() == [[178, 158, 158, 178]]
    assert found["exponential"].tolist() == [[32767, 29085, 14543, 1024]]
    assert found["sum"].tolist() == [[77419]]
    assert found["reciprocal"].tolist() == [[2**32 // 77419]]
    assert found["output"].tolist() == [[e * (2**32 // 77419) >> 24 for e in (32767, 29085, 14543, 1024)]]
    assert found["output"].tolist() == [[108, 96, 48, 3]]


def test_the_exponential_rounds_by_the_unit() -> None:
    """p * multiplier / 2**(shift + z) = 5 * 1 / 2 is a tie: 3 upward, 2 to even and down."""
    constants = {
        name: np.array([value]) for name, value in
        {"octave": 10, "b": 20, "c": 5, "multiplier": 1, "shift": 1}.items()
    }  # fmt: skip
    for mode, e in (("half_up", 3), ("half_even", 2), ("floor", 2), ("half_away", 3)):
        found = agree(unit_of_kind("ibert", rounding=mode), np.array([[0]]), constants)
        assert found["exponential"].tolist() == [[e]]


def test_a_shift_past_62_gives_nothing() -> None:
    """3 * 2**60 shifted by 45 + 17 is 3/4, which rounds to 1; shifted by 63 and more it is nothing."""
    constants = {
        name: np.array([value])
        for name, value in {"octave": 1, "b": 1, "c": 1 << 46, "multiplier": 3 << 14, "shift": 45}.items()
    }
    found = agree(unit_of_kind("ibert"), np.array([[0, -17, -18, -20]]), constants)
    assert found["octaves"].tolist() == [[0, 17, 18, 20]]
    assert found["exponential"].tolist() == [[32767, 1, 0, 0]]


def test_the_saturated_exponential() -> None:
    """A multiplier that overshoots is held at 2**15 - 1."""
    constants = {
        name: np.array([value])
        for name, value in {"octave": 7, "b": 20, "c": 1000, "multiplier": 1000, "shift": 1}.items()
    }
    assert agree(unit_of_kind("ibert"), np.array([[0]]), constants)["exponential"].tolist() == [[32767]]


def test_refusals() -> None:
    """A scaled polynomial past 62 bits, an exponential that is 0 at 0, a polynomial that rises, a sum past 2**32."""
    unit = unit_of_kind("ibert")
    good = constants_for(unit, 8, Fraction(1, 8))
    for change, words in (
        ({"c": np.array([1 << 40])}, "scaled polynomial may not fit"),
        ({"shift": np.array([62])}, "largest logit is 0"),
        ({"b": np.array([4])}, "does not fall"),
    ):
        with pytest.raises(IllFormed, match=words):
            unit.check("here", Width(8, True), 4, {**good, **change})
    with pytest.raises(IllFormed, match="sum of exponentials may not fit"):
        unit_of_kind("ibert", reciprocal_bits=24).check("here", Width(8, True), 513, good)
    with pytest.raises(ValidationError, match="must exceed output_bits"):
        unit_of_kind("ibert", reciprocal_bits=16, output_bits=16)
