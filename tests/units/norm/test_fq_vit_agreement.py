"""FQ-ViT's norm unit at the corners of its exponent and mantissa: the kernel and the judge give the same integers."""

from __future__ import annotations

import numpy as np
import pytest
from norm_agreement import code_rows, compare
from norm_units import norm_unit
from op_parts import Constants

from bittrue.spec.units.norm import FqVitNorm
from bittrue.spec.units.section import Width


def fq_vit_constants(unit: FqVitNorm, codes: Width, n: int, **values: int | list[int]) -> Constants:
    """Constants of one value or one a channel, the root shift the unit's own."""
    usual = {"code_zero_point": 0, "factor": 0, "gamma": 1 << 10, "beta": 0, "gamma_shift": 10}
    found = {name: np.atleast_1d(value) for name, value in {**usual, **values}.items()}
    return {**found, "root_shift": np.array([unit.root_shift(codes, n, found)])}


def test_corners() -> None:
    """Gammas of 0, rows without variance, factors past the mantissa, and exponents at both ends."""
    unit, codes, n = norm_unit("fq_vit", multiplier_bits=31), Width(8, True), 6
    rows = code_rows(np.random.default_rng(12), codes, n)
    top = (1 << 31) - 1
    seen: set[int] = set()
    for gamma in (0, [0, 1, -1, top, -top, 1 << 20], -1, 999, 255 << 23, -(1 << 30)):
        for gamma_shift in (0, 1, 9, 31, 40):
            large = 1 << min(gamma_shift + 20, 40)
            for beta in (0, large, -large - 1, [3, -3, 0, large // 3, -large // 3, 7]):
                constants = fq_vit_constants(unit, codes, n, gamma=gamma, gamma_shift=gamma_shift, beta=beta)
                found = compare(unit, codes, rows, constants)
                seen |= set(found["exponent"].reshape(-1).tolist())
                still = found["variance"][:, 0] == 0
                assert still.any() and (found["mantissa"][still] == 0).all() and (found["exponent"][still] == 31).all()
    assert {0, 31} <= seen and len(seen) > 20


@pytest.mark.parametrize("mantissa_bits", [2, 8, 16])
@pytest.mark.parametrize("exponent_max", [0, 7, 31])
@pytest.mark.parametrize("variance_bits", [16, 62])
def test_quotients_at_powers_of_two(mantissa_bits: int, exponent_max: int, variance_bits: int) -> None:
    """A just below, at and above powers of two: rows [s, -s] have R = 2 s 2^k exactly, and [0, 1] has R = 2^k.

    k is 0 with 16 bits of variance, 23 with 62.
    """
    unit = norm_unit(
        "fq_vit",
        mantissa_bits=mantissa_bits,
        exponent_max=exponent_max,
        variance_bits=variance_bits,
        multiplier_bits=20,
    )
    codes, top = Width(8, True), (1 << mantissa_bits) - 1
    rows = np.array([[0, 1], [-6, -5], *([s, -s] for s in (1, 2, 3, 4, 7, 8, 15, 64, 100, 127))])
    for gamma_shift in (0, 5, 30):
        for power in range(0, 19, 3):
            for gamma in {max(1, (1 << power) + d) for d in (-1, 0, 1)}:
                constants = fq_vit_constants(unit, codes, 2, gamma=gamma, gamma_shift=gamma_shift)
                assert constants["root_shift"].tolist() == [0 if variance_bits == 16 else 23]
                found = compare(unit, codes, rows, constants)
                assert found["root"][0, 0] == 1 << int(constants["root_shift"][0])
                assert found["mantissa"].max() <= top
