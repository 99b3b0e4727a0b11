"""Every kind of norm unit: the kernel and the judge give the same integers in every stage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from norm_agreement import code_rows, compare
from norm_parameters import norm_parameters
from norm_units import SECTIONS, norm_unit
from numpy.random import Generator
from op_parts import Constants
from unit_agreement import narrowest

from bittrue.golden.units.norm import KINDS as JUDGES
from bittrue.golden.units.norm import affine as affine_judge
from bittrue.simulator.units.norm import KINDS as KERNELS
from bittrue.simulator.units.norm import affine as affine_kernel
from bittrue.spec.arithmetic import Rounding, code_range
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.norm import FqVitNorm, NormUnit
from bittrue.spec.units.section import Width

ROUNDINGS = st.sampled_from([str(rule) for rule in Rounding])
STATISTICS: dict[str, st.SearchStrategy[Any]] = {
    "sum_bits": st.integers(8, 20) | st.just(48),
    "sum_of_squares_bits": st.integers(8, 40) | st.just(62),
    "rounding": ROUNDINGS,
}
IDENTITY = {
    **STATISTICS,
    "fraction_bits": st.integers(4, 24),
    "variance_bits": st.just(62) | st.integers(40, 62),
    "pre_shift_max": st.integers(0, 14),
}
CENTRED = {
    **STATISTICS,
    "fraction_bits": st.integers(4, 30),
    "mean_rounding": st.sampled_from([str(rule) for rule in Rounding if rule is not Rounding.TOSA_DOUBLE]),
}
WIDTHS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "exact": IDENTITY,
    "rsqrt_table": {
        **IDENTITY,
        "table_bits": st.integers(2, 8),
        "estimate_bits": st.integers(8, 30),
        "operand_bits": st.integers(8, 30),
        "steps": st.integers(0, 4),
    },
    "ibert": CENTRED,
    "ivit": {**CENTRED, "start_bits": st.integers(1, 31), "steps": st.integers(1, 40)},
    "fq_vit": {
        **STATISTICS,
        "multiplier_bits": st.integers(8, 31),
        "variance_bits": st.just(62) | st.integers(40, 62),
        "mantissa_bits": st.integers(2, 16),
        "exponent_max": st.integers(0, 31),
        "factor_max": st.integers(0, 7),
    },
}
"""What each kind's configuration may be."""


@st.composite
def units(draw: st.DrawFn, kind: str) -> NormUnit:
    """A unit of the kind, of any widths; registers that may not overflow are wide."""
    fields = {name: draw(strategy) for name, strategy in WIDTHS[kind].items()}
    overflow = draw(st.sampled_from(["refuse", "wrap", "saturate"]))
    if overflow == "refuse":
        fields |= {"sum_bits": 48, "sum_of_squares_bits": 62}
    if kind == "rsqrt_table":
        fields["fraction_bits"] = min(fields["fraction_bits"], fields["estimate_bits"] - 1)
    unit: NormUnit = norm_unit(kind, statistics_overflow=overflow, **fields)
    return unit


def parameters(rng: Generator, unit: NormUnit, codes: Width, n: int) -> Constants:
    """Parameters that the unit may admit; of fq_vit more extreme ones than networks have."""
    if not isinstance(unit, FqVitNorm):
        return norm_parameters(rng, unit, codes, n, n)
    count = int(rng.choice([1, n]))
    low, high = code_range(codes.bits, codes.signed)
    found = {
        "code_zero_point": rng.integers(3 * low - 3, 3 * high + 3, int(rng.choice([1, n]))),
        "factor": rng.integers(0, unit.factor_max, count, endpoint=True),
    }
    largest = (1 << unit.multiplier_bits) - 1
    gamma = rng.integers(-largest, largest, n, endpoint=True) >> rng.integers(0, unit.multiplier_bits, n)
    gamma = np.where(rng.random(n) < 0.3, rng.choice([-largest, -1, 0, 1, largest], n), gamma)
    beta = rng.integers(-(1 << 40), 1 << 40, n) >> rng.integers(0, 40, n)
    try:
        root_shift = unit.root_shift(codes, n, found)
    except (IllFormed, ValueError):
        root_shift = 0
    found |= {"gamma": gamma, "beta": beta, "gamma_shift": np.array([rng.integers(0, 41)])}
    return {**found, "root_shift": np.array([max(root_shift, 0)])}


def test_every_kind_has_both_statements() -> None:
    """No kind escapes the tests of this file."""
    assert sorted(KERNELS) == sorted(JUDGES) == sorted(SECTIONS) == sorted(WIDTHS)


@pytest.mark.parametrize("kind", sorted(WIDTHS))
@settings(max_examples=120, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_configuration(kind: str, data: st.DataObject) -> None:
    """Any widths and overflow rule, any constants that the unit admits; all the corner rows each time."""
    unit = data.draw(units(kind))
    codes = Width(data.draw(st.integers(2, 8) | st.integers(9, 16)), data.draw(st.booleans()))
    n = data.draw(st.sampled_from([1, 2, 3]) | st.integers(1, 64))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    constants = parameters(rng, unit, codes, n)
    try:
        unit.check("test", codes, n, constants)
    except IllFormed:
        assume(False)
    compare(unit, codes, code_rows(rng, codes, n), constants)


@pytest.mark.parametrize("bits", [2, 4, 8, 12, 16])
@pytest.mark.parametrize("kind", sorted(WIDTHS))
def test_the_constants_of_a_network(kind: str, bits: int) -> None:
    """Wide registers, rows from one code to a short map."""
    rng = np.random.default_rng(bits)
    for signed in (True, False):
        for n in (1, 2, 6, 64, 144, 300):
            unit, codes = norm_unit(kind), Width(bits, signed)
            zero_point = rng.integers(-100, 100, n) if kind == "fq_vit" else np.array([0])
            constants = norm_parameters(rng, unit, codes, n, n, zero_point.tolist())
            if kind == "fq_vit":
                constants["code_zero_point"] = zero_point
            compare(unit, codes, code_rows(rng, codes, n), constants)


@pytest.mark.parametrize("overflow", ["wrap", "saturate"])
@pytest.mark.parametrize("kind", sorted(WIDTHS))
def test_registers_that_overflow(kind: str, overflow: str) -> None:
    """Every pair of register widths that rows of 20 codes overflow: each statistic passes its end somewhere."""
    codes, n, rng = Width(8, True), 20, np.random.default_rng(5)
    rows = code_rows(rng, codes, n)
    for sum_bits in (8, 9, 11, 12, 48):
        for squares_bits in (8, 13, 16, 18, 19, 20, 62):
            unit = norm_unit(kind, statistics_overflow=overflow, sum_bits=sum_bits, sum_of_squares_bits=squares_bits)
            constants = norm_parameters(rng, unit, codes, n, n)
            if kind == "fq_vit":
                constants["code_zero_point"] = np.array([0])
                constants["root_shift"] = np.array([unit.root_shift(codes, n, constants)])
            found = compare(unit, codes, rows, constants)
            low, high = code_range(sum_bits, signed=True)
            if sum_bits < 12 and overflow == "saturate":
                assert found["sum"].min() == low and found["sum"].max() == high
            if kind != "fq_vit":
                exact = rows.sum(axis=1, keepdims=True)
                assert (found["sum"] == exact).all() == (sum_bits >= 13)


def test_a_saturating_sum_depends_on_the_order() -> None:
    """8 bits: 127 + 127 stops at 127, then -128 twice gives -128; the other way round 127 is the end."""
    for kind in ("exact", "rsqrt_table", "ibert", "ivit"):
        unit = norm_unit(kind, statistics_overflow="saturate", sum_bits=8)
        codes = Width(8, True)
        constants = norm_parameters(np.random.default_rng(6), unit, codes, 4, 4)
        found = compare(unit, codes, np.array([[127, 127, -128, -128], [-128, -128, 127, 127]]), constants)
        assert found["sum"].tolist() == [[-128], [126]]


@pytest.mark.parametrize("kind", ["ibert", "ivit", "exact", "rsqrt_table"])
def test_a_wrapped_variance_below_0(kind: str) -> None:
    """Squares whose register wrapped are negative: the root is taken of 0, or of 1."""
    unit = norm_unit(kind, statistics_overflow="wrap", sum_of_squares_bits=12)
    codes = Width(8, True)
    rows = np.array([[50, -50, 20, 0], [45, -45, 0, 0]])  # 5400 and 4050: past 2 ** 11, and within 2 ** 12
    found = compare(unit, codes, rows, norm_parameters(np.random.default_rng(7), unit, codes, 4, 4))
    assert found["sum_of_squares"].max() < 2048 and found["sum_of_squares"].min() < 0


@pytest.mark.parametrize("rule", [str(rule) for rule in Rounding if rule is not Rounding.TOSA_DOUBLE])
@pytest.mark.parametrize("kind", ["ibert", "ivit"])
def test_every_quotient_of_the_mean(kind: str, rule: str) -> None:
    """Sums -3n .. 3n over n = 1 .. 12: below, at and above every tie of both signs."""
    unit, codes = norm_unit(kind, mean_rounding=rule), Width(8, True)
    for n in range(1, 13):
        totals = np.arange(-3 * n, 3 * n + 1)
        rows = np.repeat((totals // n)[:, None], n, axis=1) + (np.arange(n) < (totals % n)[:, None])
        found = compare(unit, codes, rows, norm_parameters(np.random.default_rng(8), unit, codes, n, n))
        assert found["sum"][:, 0].tolist() == totals.tolist()


def test_every_small_sum_of_squares() -> None:
    """Roots of S2 = 0 .. 2400 by a floor root, and by ten steps of Newton's from every start."""
    side = np.arange(0, 50)
    rows = np.stack([side, -side, np.zeros_like(side), np.arange(0, 50) % 7, -(np.arange(0, 50) % 7)], axis=1)
    codes = Width(8, True)
    for kind, changes in (
        ("ibert", [{}, {"sum_of_squares_bits": 9}, {"sum_of_squares_bits": 14}]),
        ("ivit", [{"start_bits": start, "steps": steps} for start in (1, 4, 16, 31) for steps in (1, 2, 10, 40)]),
    ):
        for change in changes:
            unit = norm_unit(kind, **change)
            compare(unit, codes, rows, norm_parameters(np.random.default_rng(9), unit, codes, 5, 5))


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_every_interval_of_a_table(steps: int) -> None:
    """All variances of two 10-bit codes: (a - b) ** 2 + e meets every entry of a table of 12, 48 and 768."""
    codes = Width(10, False)
    rows = np.stack([np.zeros(1024, np.int64), np.arange(1024)], axis=1)
    for table_bits, operand_bits, estimate_bits in ((2, 8, 8), (4, 30, 30), (8, 8, 17), (8, 12, 30)):
        unit = norm_unit(
            "rsqrt_table",
            table_bits=table_bits,
            operand_bits=operand_bits,
            estimate_bits=estimate_bits,
            fraction_bits=7,
            steps=steps,
        )
        for epsilon in (1, 2, 3, 5000):
            constants = norm_parameters(np.random.default_rng(10), unit, codes, 2, 2)
            found = compare(unit, codes, rows, {**constants, "epsilon": np.array([epsilon])})
        assert set(found["exponent"].reshape(-1).tolist()) >= {6, 7, 8, 9}


def test_pre_shifts() -> None:
    """16-bit codes over rows of thousands: the codes are shifted and rounded in front of the statistics."""
    rng, codes = np.random.default_rng(11), Width(16, True)
    seen = set()
    for kind in ("exact", "rsqrt_table"):
        for rule in Rounding:
            for n, variance_bits in ((1000, 51), (4096, 46), (70000, 54), (100, 20)):
                unit = norm_unit(
                    kind, rounding=rule, sum_of_squares_bits=62, pre_shift_max=14, variance_bits=variance_bits
                )
                constants = norm_parameters(np.random.default_rng(0), unit, codes, n, n)
                rows = [rng.integers(-(1 << 15), 1 << 15, n), np.full(n, -(1 << 15)), np.arange(n) % 70 - 32]
                compare(unit, codes, np.stack(rows), constants)
                seen.add(int(constants["pre_shift"][0]))
    assert seen == {0, 4, 5, 12}


@pytest.mark.parametrize("kind", sorted(WIDTHS))
def test_narrow_dtypes(kind: str) -> None:
    """Codes and constants in the narrowest dtype that holds them: no code, square or sum wraps in it."""
    rng = np.random.default_rng(13)
    for signed in (True, False):
        unit, codes = norm_unit(kind), Width(8, signed)
        constants = norm_parameters(rng, unit, codes, 9, 9)
        if kind == "fq_vit":
            constants["code_zero_point"] = np.array([0])
        rows = narrowest(code_rows(rng, codes, 9))
        compare(unit, codes, rows, {name: narrowest(array) for name, array in constants.items()})


@settings(max_examples=150, deadline=None, derandomize=True)
@given(ROUNDINGS, st.sampled_from(["exact", "fq_vit"]), st.integers(0, 2**32 - 1))
def test_gamma_and_beta(rounding: str, kind: str, seed: int) -> None:
    """affine.py alone: any normalized value, gammas and betas of both signs, every shift, one or one a channel."""
    rng = np.random.default_rng(seed)
    unit, n = norm_unit(kind, rounding=rounding), int(rng.integers(1, 9))
    normalized = rng.integers(-(1 << 40), 1 << 40, (5, n)) >> rng.integers(0, 40, (5, n))
    count = int(rng.choice([1, n]))
    arrays = {
        "multiplier": rng.integers(-(1 << 16), 1 << 16, count),
        "bias": rng.integers(-(1 << 58), 1 << 58, count) >> rng.integers(0, 58, count),
        "shift": rng.integers(1, 62, count, endpoint=True),
        "zero_point": rng.integers(-200, 200, 1),
        "low": np.array([-128]),
        "high": np.array([127]),
    }
    wanted = affine_judge.run(
        unit, torch.from_numpy(normalized), {name: torch.from_numpy(array) for name, array in arrays.items()}
    )
    found = affine_kernel.run(unit, normalized, arrays)
    assert found.dtype == np.int64
    assert found.tolist() == wanted.tolist()
