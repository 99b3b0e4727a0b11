"""Norm units of every kind, and their comparison with Python integers, for the tests of units and ops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st
from norm_parameters import norm_parameters
from normalization_plain import PLAIN
from numpy.random import Generator
from numpy.typing import NDArray
from op_parts import Constants
from pydantic import TypeAdapter

from bittrue.simulator.units.norm import KINDS
from bittrue.spec.arithmetic import Rounding, code_range
from bittrue.spec.units.norm import AnyNorm, NormUnit
from bittrue.spec.units.section import Width

STATISTICS = {"sum_bits": 40, "sum_of_squares_bits": 56, "multiplier_bits": 16, "rounding": "half_up"}
IDENTITY = {**STATISTICS, "variance_bits": 62, "fraction_bits": 16}
CENTRED = {**STATISTICS, "fraction_bits": 30, "mean_rounding": "half_even"}
SECTIONS: dict[str, dict[str, Any]] = {
    "exact": {**IDENTITY, "kind": "exact"},
    "rsqrt_table": {
        **IDENTITY,
        "kind": "rsqrt_table",
        "table_bits": 6,
        "estimate_bits": 24,
        "operand_bits": 24,
        "steps": 1,
    },
    "ibert": {**CENTRED, "kind": "ibert"},
    "ivit": {**CENTRED, "kind": "ivit", "start_bits": 16, "steps": 10},
    "fq_vit": {
        **STATISTICS,
        "kind": "fq_vit",
        "variance_bits": 62,
        "mantissa_bits": 8,
        "exponent_max": 31,
        "factor_max": 3,
        "rounding": "half_even",
    },
}
"""By kind; wide enough for 16-bit codes in short rows."""
SHIFT_ROUNDINGS = tuple(Rounding)
OVERFLOWS = ("refuse", "wrap", "saturate")


def norm_unit(kind: str, **changes: object) -> Any:
    """The unit of SECTIONS with some fields changed."""
    return TypeAdapter(AnyNorm).validate_python({**SECTIONS[kind], **changes})


def compare(unit: NormUnit, codes: Width, rows: NDArray[np.integer], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Check the parameters, run the fast unit, and compare every stage of every row with Python integers.

    rows: codes [rows, n]; parameters of length 1 or n. Returns the stages.
    """
    unit.check("test", codes, rows.shape[1], parameters)
    for name, width in unit.parameter_widths.items():
        if name in parameters:
            low, high = code_range(width.bits, width.signed)
            assert low <= int(parameters[name].min()) <= int(parameters[name].max()) <= high, name
    before = rows.copy()
    found = KINDS[unit.kind](unit, {"codes": rows, **parameters})
    assert (rows == before).all()
    assert list(found) == list(unit.stages)
    reach = unit.normalized_max(codes, rows.shape[1], parameters)
    for index, row in enumerate(rows.tolist()):
        wanted = PLAIN[unit.kind](unit, row, parameters)
        assert list(wanted) == list(unit.stages)
        for name in unit.stages:
            assert found[name].dtype == np.int64
            assert found[name].shape == ((len(rows), 1) if name in unit.row_stages else rows.shape)
            if name in unit.row_stages:
                assert int(found[name][index, 0]) == wanted[name], name
            else:
                assert found[name][index].tolist() == wanted[name], name
    assert int(np.abs(found["normalized"]).max()) <= reach
    for name, width in unit.stage_widths(codes, rows.shape[1]).items():
        low, high = code_range(width.bits, width.signed)
        assert low <= int(found[name].min()) <= int(found[name].max()) <= high, name
    return found


def parameters_for(rng: Generator, unit: NormUnit, codes: Width, n: int) -> Constants:
    """Parameters of a row, one value an element where the unit has one a channel; zero points where it reads them."""
    zero_points = rng.integers(-300, 300, n) if unit.reads_zero_point else np.array([0])
    found = norm_parameters(rng, unit, codes, n, n, zero_points.tolist())
    return {**found, "code_zero_point": zero_points} if unit.reads_zero_point else found


@st.composite
def code_rows(draw: st.DrawFn, *, bits: tuple[int, int] = (2, 16), n_max: int = 40) -> tuple[Width, NDArray[np.int64]]:
    """A code format and three rows of it: of any codes, of both ends, and constant."""
    codes = Width(draw(st.integers(*bits)), draw(st.booleans()))
    n = draw(st.integers(1, n_max))
    low, high = code_range(codes.bits, codes.signed)
    any_code = st.integers(low, high)
    rows = [
        draw(st.lists(any_code, min_size=n, max_size=n)),
        draw(st.lists(st.sampled_from([low, high]), min_size=n, max_size=n)),
        [draw(any_code)] * n,
    ]
    return codes, np.array(rows, np.int64)


def extreme_rows(codes: Width, n: int) -> NDArray[np.int64]:
    """Constant rows, one-hot rows, halves, and one code beside all the others: int64 [rows, n]."""
    low, high = code_range(codes.bits, codes.signed)
    half = [low] * (n // 2) + [high] * (n - n // 2)
    rows = [[low] * n, [high] * n, [0] * n, [high] + [low] * (n - 1), [low] * (n - 1) + [high], half]
    return np.array([*rows, [low] * (n - 1) + [low + 1], [high - 1] + [high] * (n - 1)], np.int64)
