"""Constants of every kind of norm unit: accepted by the unit, and close to the real norm."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from norm_units import SECTIONS, norm_unit
from op_parts import tensor

from bittrue.calibration.lowering.norm import KINDS
from bittrue.calibration.lowering.norm.affine import affine_constants
from bittrue.calibration.lowering.norm.row import NormRow
from bittrue.simulator.units.norm import KINDS as UNITS
from bittrue.simulator.units.norm import affine
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.norm import NormUnit
from bittrue.spec.units.section import Width

SCALE, SCALE_OUT, EPSILON, N = 0.03, 0.02, 1e-5, 96
ZERO_IN, ZERO_OUT = 11, -7


def norm_row(rng: np.random.Generator, bits: int = 8) -> NormRow:
    """Gammas of both signs about 1, betas about 0, over the output's scale."""
    gamma, beta = (rng.normal(mean, 0.3, N) * rng.choice([-1, 1], N) for mean in (0.6, 0.1))
    return NormRow(
        codes=Width(bits, True),
        n=N,
        scale=Fraction(SCALE),
        epsilon=Fraction(EPSILON),
        gamma=[Fraction(float(value)) / Fraction(SCALE_OUT) for value in gamma],
        beta=[Fraction(float(value)) / Fraction(SCALE_OUT) for value in beta],
        source=replace(tensor("x", (1, N), bits=bits, zero_point=[ZERO_IN]), scale=(SCALE,)),
    )


def outputs(unit: NormUnit, row: NormRow, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integer codes of the lowered unit, and the real norm in output codes, unrounded."""
    constants = {**KINDS[unit.kind](unit, row), "code_zero_point": np.array(row.source.zero_point)}
    unit.check("step", row.codes, row.n, constants)
    if unit.has_affine:
        constants |= affine_constants(unit, row)
    ends = {"zero_point": np.array([ZERO_OUT]), "low": np.array([-128]), "high": np.array([127])}
    found = UNITS[unit.kind](unit, {"codes": codes, **constants})
    integers = affine.run(unit, found["normalized"], {**constants, **ends})
    factor = constants["factor"] if "factor" in constants else np.zeros(1, int)
    x = (codes - constants["code_zero_point"]) * (2.0**factor) * float(row.scale)
    centred = x - x.mean(axis=1, keepdims=True)
    gamma, beta = np.array(list(map(float, row.gamma))), np.array(list(map(float, row.beta)))
    real = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + EPSILON) * gamma + beta + ZERO_OUT
    return integers, np.clip(real, -128, 127)


@pytest.mark.parametrize(
    ("kind", "changes", "error"),
    [
        ("exact", {}, 0.51),
        ("rsqrt_table", {}, 0.51),
        ("rsqrt_table", {"steps": 0}, 1.5),
        ("ibert", {}, 3.0),
        ("ivit", {}, 3.0),
        ("fq_vit", {"rounding": "half_even"}, 3.0),
    ],
)
def test_close_to_the_real_norm(kind: str, changes: dict[str, object], error: float) -> None:
    """Rows with a deviation of 30 codes: half a code for the exact kinds, more for those that round mean or gamma."""
    rng = np.random.default_rng(4)
    codes = np.clip(np.rint(rng.normal(20, 30, (40, N))), -128, 127).astype(np.int64)
    integers, real = outputs(norm_unit(kind, **changes), norm_row(rng), codes)
    assert np.abs(integers - real).max() < error


def test_factors_of_channels() -> None:
    """FQ-ViT: scales that are powers of two times the least give exponents; others are refused."""
    rng = np.random.default_rng(5)
    row, powers = norm_row(rng), rng.integers(0, 4, N)
    powers[0] = 0
    source = replace(
        row.source, scale=tuple(SCALE * 2.0**p for p in powers.tolist()), zero_point=(ZERO_IN,) * N, axis=1
    )
    row, unit = replace(row, source=source), norm_unit("fq_vit")
    assert KINDS["fq_vit"](unit, row)["factor"].tolist() == powers.tolist()
    integers, real = outputs(unit, row, np.clip(np.rint(rng.normal(11, 30, (40, N))), -128, 127).astype(np.int64))
    assert np.abs(integers - real).max() < 3
    odd = replace(source, scale=(SCALE, SCALE * 3, *source.scale[2:]))
    with pytest.raises(IllFormed, match="power-of-two"):
        KINDS["fq_vit"](unit, replace(row, source=odd))


def test_pre_shift_scales_epsilon() -> None:
    """A shift of t bits makes the codes' scale 2**t times as large: epsilon is n^2 * eps / (scale * 2^t)^2."""
    row = replace(norm_row(np.random.default_rng(6), bits=16), n=1 << 17)
    found = KINDS["exact"](norm_unit("exact", pre_shift_max=2), row)
    assert found["pre_shift"].tolist() == [2]
    assert found["epsilon"].item() == round(EPSILON * 2.0**34 / (SCALE * 4) ** 2)


@pytest.mark.parametrize("kind", SECTIONS)
def test_roles(kind: str) -> None:
    """Lowering makes exactly the constants that the unit names."""
    unit, row = norm_unit(kind), norm_row(np.random.default_rng(7))
    made = {**KINDS[kind](unit, row), **(affine_constants(unit, row) if unit.has_affine else {})}
    assert tuple(made) == unit.roles


def test_gammas_of_zero() -> None:
    """A norm whose gammas are all 0 gives beta."""
    row = norm_row(np.random.default_rng(8))
    row = replace(row, gamma=[Fraction(0)] * N)
    codes = np.random.default_rng(8).integers(-128, 128, (3, N))
    for kind in SECTIONS:
        integers, real = outputs(norm_unit(kind), row, codes)
        assert np.abs(integers - real).max() <= 0.51
