"""gemmlowp softmax: rows that LiteRT computed, parameters as TFLite prepares them, and the limits of its sum."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from pydantic import ValidationError
from softmax_units import agree, constants_for, unit_of_kind

from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Width

LITERT = (
    (0.004994817543774843, [-11, -28, -13, 8, -14, 0, -11, -21, -7, -12],
     [-102, -105, -103, -100, -103, -101, -102, -104, -102, -103]),
    (0.009781868197023869, [-4, 9, 0, 4, -5, 25, 14, 1, -9, 7],
     [-104, -101, -104, -103, -105, -97, -100, -103, -106, -102]),
    (0.052616722881793976, [20, 2, -15, 3, 2, -14, -36, 9, -1, -8],
     [-59, -101, -117, -100, -101, -116, -124, -89, -105, -112]),
    (0.1067848950624466, [2, -1, 1, 2, -2, 0, -1, 5, -1, 0],
     [-99, -107, -102, -99, -109, -104, -107, -88, -107, -104]),
    (0.26738303899765015, [0, -2, 0, 1, 0, 0, -1, 4, 0, -2],
     [-105, -115, -105, -98, -105, -105, -110, -61, -105, -115]),
    (0.49024471640586853, [-18, 40, -26, 12, -51, -10, 15, 15, -32, -29], [-128, 127] + [-128] * 8),
    (0.9346122145652771, [-10, 0, 0, 9, 5, 2, 14, 4, 8, -4],
     [-128, -128, -128, -126, -128, -128, 125, -128, -127, -128]),
)  # fmt: skip
"""Scale (a float32), logits and codes: LiteRT 2, OpResolverType.BUILTIN_REF, single SOFTMAX models, beta 1."""


@pytest.mark.parametrize(("scale", "logits", "codes"), LITERT)
def test_rows_of_litert(scale: float, logits: list[int], codes: list[int]) -> None:
    """An implementation that is not ours."""
    unit = unit_of_kind("gemmlowp")
    found = agree(unit, np.array([logits]), constants_for(unit, 8, Fraction(scale)))
    assert found["output"].tolist() == [codes]


def test_two_equal_logits_by_hand() -> None:
    """S = 2 * 2**19: h = 1, f = 0, r = 1 - 2**-31; half of it is 128 of 256, code 0."""
    unit = unit_of_kind("gemmlowp")
    found = agree(unit, np.array([[9, 9]]), constants_for(unit, 8, Fraction(1, 10)))
    assert found["exponential"].tolist() == [[2**31 - 1] * 2]
    assert found["sum"].tolist() == [[2 << 19]]
    assert found["reciprocal"].tolist() == [[2**31 - 1]]
    assert found["output"].tolist() == [[0, 0]]


def test_sixteen_bits_out() -> None:
    """The same exponentials and sum; 2**15 of 2**16 for each of two equal logits, and 2**16 - 1 at most."""
    unit, narrow = unit_of_kind("gemmlowp", output_bits=16), unit_of_kind("gemmlowp")
    constants = constants_for(unit, 8, Fraction(1, 10))
    assert agree(unit, np.array([[9, 9]]), constants)["output"].tolist() == [[0, 0]]
    assert agree(unit, np.array([[9]]), constants)["output"].tolist() == [[32767]]
    logits = np.random.default_rng(1).integers(-128, 128, (20, 30))
    wide, eight = agree(unit, logits, constants)["output"], agree(narrow, logits, constants)["output"]
    assert (np.abs((wide + 32768) / 256 - (eight + 128)) <= 1).all()


def test_parameters_of_a_scale() -> None:
    """1/16 is 2**22 as Q5.26 steps: multiplier 2**30, shift 23, 31 * 2**26 / 2**23 = 248."""
    constants = constants_for(unit_of_kind("gemmlowp"), 8, Fraction(1, 16))
    assert {name: int(array[0]) for name, array in constants.items()} == {
        "multiplier": 1 << 30,
        "shift": 23,
        "difference_min": -248,
    }


def test_scales_so_coarse_that_only_the_maximum_counts() -> None:
    """A scale of 32 saturates the ratio at 2**31 - 1: the shift is 31 and no difference but 0 is near enough."""
    constants = constants_for(unit_of_kind("gemmlowp"), 8, Fraction(1000))
    assert int(constants["shift"][0]) == 31 and int(constants["difference_min"][0]) == 0
    found = agree(unit_of_kind("gemmlowp"), np.array([[3, 2, 3]]), constants)
    assert found["output"].tolist() == [[0, -128, 0]]


def test_differences_below_the_minimum_are_nothing() -> None:
    """At difference_min = -248, -15.5 in Q5.26, the exponential is exp(-15.5); one below is not computed at all."""
    unit = unit_of_kind("gemmlowp", logit_bits_max=16)
    constants = constants_for(unit, 16, Fraction(1, 16))
    found = agree(unit, np.array([[0, -248, -249]]), constants, bits=16)
    assert found["scaled"].tolist() == [[0, -(31 << 25), 0]]
    assert found["exponential"].tolist() == [[2**31 - 1, round(math.exp(-15.5) * 2**31), 0]]


def test_the_sum_holds_4095_and_no_more() -> None:
    """4095 * 2**19 is below 2**31; a unit with row_max = 4096 does not exist."""
    unit = unit_of_kind("gemmlowp")
    assert agree(unit, np.zeros((1, 4095), int), constants_for(unit, 8, Fraction(1)))["sum"].tolist() == [[4095 << 19]]
    with pytest.raises(ValidationError, match="4095"):
        unit_of_kind("gemmlowp", row_max=4096)


def test_sums_of_512_and_more() -> None:
    """511 equal logits still give 1 (0.501 of 1/256); from 512 on the shift passes 31 and the codes are 0."""
    unit = unit_of_kind("gemmlowp")
    constants = constants_for(unit, 8, Fraction(1))
    for n, code in ((511, -127), (512, -128), (513, -128)):
        assert set(agree(unit, np.zeros((1, n), int), constants)["output"].ravel().tolist()) == {code}


def test_a_difference_that_leaves_q5_26_is_refused() -> None:
    """difference_min << shift may not pass -31."""
    unit = unit_of_kind("gemmlowp")
    constants = {**constants_for(unit, 8, Fraction(1, 16)), "difference_min": np.array([-249])}
    with pytest.raises(IllFormed, match=r"leave Q5\.26"):
        unit.check("here", Width(8, True), 4, constants)
