"""FQ-ViT's norm unit: every stage, the public code's floats where they are exact enough, edges, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from norm_units import OVERFLOWS, SHIFT_ROUNDINGS, code_rows, compare, extreme_rows, norm_unit, parameters_for

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Width

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)
CODES = Width(8, True)


@EXAMPLES
@given(
    code_rows(bits=(2, 10)),
    st.sampled_from(SHIFT_ROUNDINGS),
    st.tuples(st.integers(2, 12), st.integers(0, 31), st.integers(0, 3)),
    st.integers(0, 1 << 30),
)
def test_every_row(drawn, rounding: Rounding, sizes: tuple[int, ...], seed: int) -> None:
    """Every stage is the formula's, for any mantissa, exponent and factor width; TOSA's rule is for other shifts."""
    (codes, rows), names = drawn, ("mantissa_bits", "exponent_max", "factor_max")
    rule = Rounding.HALF_UP if rounding is Rounding.TOSA_DOUBLE else rounding
    unit = norm_unit("fq_vit", rounding=rule, **dict(zip(names, sizes, strict=True)))
    compare(unit, codes, rows, parameters_for(np.random.default_rng(seed), unit, codes, rows.shape[1]))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    code_rows(bits=(2, 8)), st.sampled_from(OVERFLOWS[1:]), st.integers(8, 14), st.integers(8, 24), st.integers(0, 99)
)
def test_overflow(drawn, rule: str, sum_bits: int, square_bits: int, seed: int) -> None:
    """Registers that wrap or saturate; a variance below 0 counts as 0."""
    codes, rows = drawn
    unit = norm_unit("fq_vit", statistics_overflow=rule, sum_bits=sum_bits, sum_of_squares_bits=square_bits)
    compare(unit, codes, rows, parameters_for(np.random.default_rng(seed), unit, codes, rows.shape[1]))


def public_code(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, ...]:
    """The public code's A, M, N and y in float64, for integers x [rows, n], gamma and beta over the output's scale."""
    n = x.shape[-1]
    total, squares = x.sum(axis=-1, keepdims=True), (x * x).sum(axis=-1, keepdims=True)
    deviation = np.sqrt(n * squares - total**2) / n
    a = gamma / deviation
    exponent = np.clip(7 - np.floor(np.log2(np.abs(a))), 0, 31)
    mantissa = np.clip(np.floor(np.abs(a) * 2**exponent), 0, 255)
    offset = np.rint((beta - total / n / deviation * gamma) * 2**exponent)
    return a, mantissa, exponent, np.rint((np.sign(a) * mantissa * x + offset) / 2**exponent)


@pytest.mark.parametrize("seed", range(8))
def test_the_public_code(seed: int) -> None:
    """Where floats leave no doubt, exponents, mantissas and outputs are those of QIntLayerNorm.

    Doubt: an A within 2^-14 of a mantissa's edge (the root has k more bits, gamma is an integer here as there),
    and an output within 2^-5 of a tie (the offset's own rounding may move by one).
    """
    rng = np.random.default_rng(seed)
    rows, n = rng.integers(-128, 128, (24, 64)), 64
    unit = norm_unit("fq_vit", factor_max=3)
    parameters = parameters_for(rng, unit, CODES, n)
    parameters["gamma"] = rng.integers(1 << 8, 1 << 16, n) * rng.choice([-1, 1], n)
    parameters["gamma_shift"] = np.array([12])
    parameters["beta"] = rng.integers(-(1 << 18), 1 << 18, n)
    found = compare(unit, CODES, rows, parameters)
    x = (rows - parameters["code_zero_point"]) << parameters["factor"]
    a, mantissa, exponent, output = public_code(x, parameters["gamma"] / 2.0**12, parameters["beta"] / 2.0**12)
    edge = np.abs(a) * 2**exponent
    sure = np.minimum(edge - mantissa, mantissa + 1 - edge) > 2.0**-14 * edge / 128
    assert sure.mean() > 0.98
    assert (found["exponent"] == exponent)[sure].all()
    assert (np.abs(found["mantissa"]) == mantissa)[sure].all()
    assert (np.sign(found["mantissa"]) == np.sign(a))[sure].all()
    assert np.abs(found["normalized"] - output)[sure].max() <= 1
    assert (found["normalized"] == output)[sure].mean() > 0.97


def test_by_hand() -> None:
    """x = 1, 2, 3, 6: V = 4*50 - 144 = 56; gamma / s = 3, beta / s = 1 with 12 fraction bits.

    A = 4 * 3 / sqrt(56) = 1.60357: log2 0, N = 7, M = floor(205.26) = 205; T = 12 * 3 / sqrt(56) = 4.81070, so
    b = round((1 - 4.8107) * 128) = -488; u = (205 * x - 488) / 128 = -2.21, -0.61, 0.99, 5.80 -> -2, -1, 1, 6.
    """
    unit = norm_unit("fq_vit")
    parameters = {
        "code_zero_point": np.array([0]),
        "factor": np.array([0]),
        "gamma": np.array([3 << 12]),
        "beta": np.array([1 << 12]),
        "gamma_shift": np.array([12]),
    }
    parameters["root_shift"] = np.array([unit.root_shift(CODES, 4, parameters)])
    found = compare(unit, CODES, np.array([[1, 2, 3, 6]]), parameters)
    assert found["variance"].item() == 56
    for name, value in (("exponent", 7), ("mantissa", 205), ("offset", -488)):
        assert set(found[name].reshape(-1).tolist()) == {value}
    assert found["normalized"].tolist() == [[-2, -1, 1, 6]]
    down = compare(unit, CODES, np.array([[1, 2, 3, 6]]), {**parameters, "gamma": np.array([-3 << 12])})
    assert down["mantissa"][0, 0] == -205
    assert down["offset"][0, 0] == 744  # (1 + 4.8107) * 128 = 743.77


@pytest.mark.parametrize("n", [1, 2, 64])
def test_extremes(n: int) -> None:
    """Constant rows give beta in every channel: N at its end, M = 0."""
    unit = norm_unit("fq_vit", factor_max=0)
    rng = np.random.default_rng(3)
    parameters = parameters_for(rng, unit, CODES, n)
    parameters["code_zero_point"] = np.array([5])
    parameters["root_shift"] = np.array([unit.root_shift(CODES, n, parameters)])
    found = compare(unit, CODES, extreme_rows(CODES, n), parameters)
    assert not found["mantissa"][:3].any()
    assert (found["exponent"][:3] == 31).all()
    beta = parameters["beta"] / 2.0 ** parameters["gamma_shift"][0]
    assert (found["normalized"][:3] == np.rint(beta)).all()


def test_both_ends_of_the_exponent() -> None:
    """A of 256 and more has N = 0 and M = 255 at most; an A far below 2^-31 has N = 31, M = 0."""
    unit = norm_unit("fq_vit")
    for gamma, shift, exponent, mantissa in (
        (65535, 0, 0, 255),
        (150, 0, 0, 255),
        (100, 0, 0, 200),
        (1, 40, 31, 0),
        (1, 32, 31, 1),
    ):
        parameters = {
            "code_zero_point": np.array([0]),
            "factor": np.array([0]),
            "gamma": np.array([gamma]),
            "beta": np.array([7]),
            "gamma_shift": np.array([shift]),
        }
        parameters["root_shift"] = np.array([unit.root_shift(CODES, 2, parameters)])
        found = compare(unit, CODES, np.array([[0, 1]]), parameters)  # V = 1, A = 2 * gamma / 2^shift
        assert (found["exponent"] == exponent).all()
        assert (found["mantissa"] == mantissa).all()


def test_equal_gammas_with_other_betas() -> None:
    """Neighbours that share gamma have offsets of their own."""
    unit = norm_unit("fq_vit")
    parameters = parameters_for(np.random.default_rng(6), unit, CODES, 4)
    parameters |= {"gamma": np.array([500] * 4), "beta": np.array([0, 1 << 14, 1 << 14, -(1 << 14)])}
    found = compare(unit, CODES, np.array([[1, -2, 3, 99]]), parameters)
    assert len(set(found["offset"][0].tolist())) == 3


def test_sum_of_squares_of_mobilevitv2_100() -> None:
    """Unsigned codes with zero point 0: 32 bits are refused, and wrapped where configured."""
    codes, n = Width(8, False), 131072
    wide = norm_unit("fq_vit", sum_of_squares_bits=34)
    parameters = {
        "code_zero_point": np.array([0]),
        "factor": np.array([0]),
        "gamma": np.array([1 << 10]),
        "beta": np.array([0]),
        "gamma_shift": np.array([10]),
    }
    parameters["root_shift"] = np.array([wide.root_shift(codes, n, parameters)])
    wide.check("step", codes, n, parameters)
    with pytest.raises(IllFormed, match="sum of squares of a row needs more bits"):
        norm_unit("fq_vit", sum_of_squares_bits=32).check("step", codes, n, parameters)
    wrapping = norm_unit("fq_vit", sum_of_squares_bits=32, statistics_overflow="wrap")
    parameters["root_shift"] = np.array([wrapping.root_shift(codes, n, parameters)])
    wrapping.check("step", codes, n, parameters)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"factor": np.array([4])}, "factor"),
        ({"factor": np.array([-1])}, "factor"),
        ({"gamma": np.array([1 << 16])}, "gamma"),
        ({"gamma_shift": np.array([41])}, "gamma_shift"),
        ({"gamma_shift": np.array([1, 2])}, "gamma_shift"),
        ({"root_shift": np.array([3])}, "root_shift"),
        ({"beta": np.array([1 << 60])}, "normalized value may not fit 63 bits"),
    ],
)
def test_refused_constants(change: dict[str, np.ndarray], words: str) -> None:
    """Constants outside the unit's fields, and products past 63 bits."""
    unit = norm_unit("fq_vit")
    parameters = parameters_for(np.random.default_rng(4), unit, CODES, 8)
    unit.check("step", CODES, 8, parameters)
    with pytest.raises(IllFormed, match=words):
        unit.check("step", CODES, 8, {**parameters, **change})


def test_refused_rows() -> None:
    """16-bit codes with factors over a whole map leave 63 bits; narrow registers leave theirs."""
    for changes, codes, n, words in (
        ({}, Width(16, True), 1 << 17, "63 bits|needs more bits"),
        ({"variance_bits": 20}, CODES, 8, "variance of a row does not fit"),
        ({"sum_bits": 10}, CODES, 8, "sum of a row needs more bits"),
    ):
        unit = norm_unit("fq_vit", **changes)
        parameters = parameters_for(np.random.default_rng(5), unit, codes, 8)
        with pytest.raises(IllFormed, match=words):
            unit.check("step", codes, n, parameters)
