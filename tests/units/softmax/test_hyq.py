"""HyQ's linear exponential by hand; its logarithm is FQ-ViT's."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from softmax_units import agree, constants_for, unit_of_kind


def test_by_hand() -> None:
    """S = 1/8: octave 6, b = floor(1.35472 * 8) = 10; distances 0, 1, 7: 10, 9, 9 / 2.

    Sum 23.5: 2.35 -> 2 -> 1; 2.61 -> 3 -> 2; 5.22 -> 5 -> 2.
    """
    unit = unit_of_kind("hyq")
    constants = constants_for(unit, 8, Fraction(1, 8))
    assert {name: int(array[0]) for name, array in constants.items()} == {"octave": 6, "b": 10}
    found = agree(unit, np.array([[30, 29, 23]]), constants)
    assert found["polynomial"].tolist() == [[10, 9, 9]]
    assert found["exponential"].tolist() == [[10 << 30, 9 << 30, 9 << 29]]
    assert found["quotient"].tolist() == [[2, 3, 5]]
    assert found["output"].tolist() == [[1 << 14, 1 << 13, 1 << 13]]


def test_distances_past_all_octaves_are_alike() -> None:
    """30 octaves of 6 codes and more: the exponential is 10, one part in 2**30."""
    unit = unit_of_kind("hyq")
    found = agree(unit, np.array([[127, -53, -54, -128]]), constants_for(unit, 8, Fraction(1, 8)))
    assert found["exponential"].tolist() == [[10 << 30, 10, 10, 10]]
