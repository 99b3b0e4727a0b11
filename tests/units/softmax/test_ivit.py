"""I-ViT Shiftmax by hand, half integers, and its saturating sum."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from softmax_units import agree, constants_for, unit_of_kind

from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Width


def test_by_hand() -> None:
    """S = 1/8, octave 8. Distance 20: -20 - 10 + 2 = -28 (-20 >> 4 is -2), 3 octaves, rest -4: (16 - 4) << 12 >> 1."""
    unit = unit_of_kind("ivit")
    constants = constants_for(unit, 8, Fraction(1, 8))
    assert constants["octave"].tolist() == [8]
    found = agree(unit, np.array([[10, 9, -10]]), constants)
    assert found["times_log2e"].tolist() == [[0, -1, -28]]  # -1 + (-1 >> 1) - (-1 >> 4) = -1 - 1 + 1
    assert found["octaves"].tolist() == [[0, 0, 3]]
    assert found["exponential"].tolist() == [[8 << 15, 15 << 14, 12 << 11]]
    assert found["sum"].tolist() == [[262144 + 245760 + 24576]]
    assert found["reciprocal"].tolist() == [[(2**31 - 1) // 532480]]
    assert found["output"].tolist() == [[63, 59, 5]]


def test_no_half_is_lost() -> None:
    """An odd rest is halved before a shift of at least 1; at `halvings` octaves and beyond the rest is 0."""
    found = agree(unit_of_kind("ivit", halvings=1), np.array([[0, -1, -3, -6, -40]]), {"octave": np.array([6])})
    assert found["times_log2e"].tolist() == [[0, -1, -4, -6, -6]]  # -6 - 3 + 1 = -8 is held at -6
    assert found["octaves"].tolist() == [[0, 0, 0, 1, 1]]
    assert found["exponential"].tolist() == [[12, 11, 8, 6, 6]]


def test_the_sum_saturates_as_the_source_does() -> None:
    """2000 equal logits of octave 64: 2000 * 2**21 passes 2**31, and the reciprocal is 1; "refuse" refuses it."""
    constants = {"octave": np.array([64])}
    found = agree(unit_of_kind("ivit"), np.zeros((1, 2000), int), constants)
    assert found["sum"].tolist() == [[2**31 - 1]] and found["reciprocal"].tolist() == [[1]]
    careful = unit_of_kind("ivit", sum_overflow="refuse")
    careful.check("here", Width(8, True), 1023, constants)
    with pytest.raises(IllFormed, match="sum of exponentials may not fit"):
        careful.check("here", Width(8, True), 1024, constants)
    assert careful.output(1023).row_sum_max == 128


def test_an_exponential_past_the_sum_is_refused() -> None:
    """octave << halvings must stay below 2**sum_bits."""
    unit = unit_of_kind("ivit")
    unit.check("here", Width(8, True), 4, {"octave": np.array([65535])})
    with pytest.raises(IllFormed, match="exponential may not fit"):
        unit.check("here", Width(8, True), 4, {"octave": np.array([65536])})
