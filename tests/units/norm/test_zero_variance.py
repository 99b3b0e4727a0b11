"""A row whose codes are all equal, on every norm unit: no division by zero, nothing but beta comes out."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from norm_units import SECTIONS, norm_unit
from unit_agreement import same_stages

from bittrue.calibration.lowering.norm import KINDS as LOWERING
from bittrue.calibration.lowering.norm.affine import affine_constants
from bittrue.calibration.lowering.norm.row import NormRow
from bittrue.golden.units.norm import KINDS as JUDGES
from bittrue.simulator.units.norm import KINDS, affine
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.section import Width

CODES = Width(8, True)
SCALE = Fraction(1, 16)
BETA, ZERO_POINT = 5, 3
"""Output codes."""
ROWS = (-128, -1, 0, 77, 127)


@pytest.mark.parametrize("gamma", [Fraction(8), Fraction(-8), Fraction(0)])
@pytest.mark.parametrize("n", [1, 2, 64, 4096, 8192])
@pytest.mark.parametrize("kind", sorted(SECTIONS))
def test_a_row_without_variance_gives_beta(kind: str, n: int, gamma: Fraction) -> None:
    """Whatever the code, the length and gamma are; the mean cancels exactly and the root is what the unit says."""
    unit = norm_unit(kind)
    source = TensorSpec("codes", (1, n), 8, True, (float(SCALE),), (0,))
    row = NormRow(CODES, n, SCALE, Fraction(1, 100_000), [gamma], [Fraction(BETA)], source)
    own = LOWERING[kind](unit, row)
    constants = {**own, "code_zero_point": np.array([0])} if unit.reads_zero_point else own
    unit.check("step", CODES, n, constants)
    codes = np.repeat(np.array(ROWS)[:, np.newaxis], n, axis=1)
    found = same_stages(unit, KINDS[kind], JUDGES[kind], {"codes": codes, **constants}, unit.stages)

    assert found["sum"].reshape(-1).tolist() == [n * code for code in ROWS]
    if kind in ("exact", "rsqrt_table"):
        # n^2 * 1e-5 * 256, at least 1
        epsilon = max(1, int(Fraction(n * n * 256, 100_000) + Fraction(1, 2)))
        assert set(found["variance"].reshape(-1).tolist()) == {epsilon}
    elif kind == "fq_vit":
        assert not found["variance"].any() and not found["root"].any() and not found["mantissa"].any()
    else:
        assert not found["sum_of_squares"].any()
        assert set(found["root"].reshape(-1).tolist()) == {1 if kind == "ibert" else 64}
    assert (found["normalized"] == (0 if unit.has_affine else BETA)).all()

    ends = {"zero_point": np.array(ZERO_POINT), "low": np.array(-128), "high": np.array(127)}
    gammas = affine_constants(unit, row) if unit.has_affine else {}
    output = affine.run(unit, found["normalized"], {**gammas, **ends})
    assert (output == BETA + ZERO_POINT).all()
