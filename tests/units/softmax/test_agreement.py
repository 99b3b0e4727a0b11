"""Every kind of softmax unit: the kernel and the judge give the same integers in every stage."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from softmax_parameters import logit_rows, softmax_parameters
from softmax_units import SECTIONS, check_format, constants_for, unit_of_kind
from unit_agreement import narrowest, same_stages

from bittrue.golden.units.softmax import KINDS as JUDGES
from bittrue.simulator.units.softmax import KINDS as KERNELS
from bittrue.spec.arithmetic import Rounding, code_range
from bittrue.spec.units.section import Width
from bittrue.spec.units.softmax import SoftmaxUnit

Array = NDArray[np.integer]
ROW_LENGTH_MAX = 64
ROUNDINGS = st.sampled_from([str(rule) for rule in Rounding])
WIDTHS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "table": {
        "logit_bits_max": st.just(12),
        "exponential_bits": st.integers(4, 16),
        "probability_bits": st.integers(4, 16),
        "reciprocal_bits": st.integers(17, 62),
        "rounding": ROUNDINGS,
    },
    "unnormalised": {
        "logit_bits_max": st.just(12),
        "exponential_bits": st.integers(4, 16),
        "sum_bits": st.integers(22, 48),
    },
    "gemmlowp": {"logit_bits_max": st.just(16), "output_bits": st.sampled_from([8, 16])},
    "ibert": {
        "logit_bits_max": st.just(16),
        "halvings": st.integers(1, 40),
        "multiplier_bits": st.integers(8, 31),
        "exponential_bits": st.integers(4, 16),
        "reciprocal_bits": st.integers(22, 62),
        "output_bits": st.integers(4, 16),
        "rounding": ROUNDINGS,
    },
    "ivit": {
        "logit_bits_max": st.just(16),
        "halvings": st.integers(1, 40),
        "sum_bits": st.integers(47, 62) | st.integers(16, 62),
        "sum_overflow": st.sampled_from(["saturate", "refuse"]),
        "output_bits": st.integers(4, 16),
    },
    "log_int": {
        "logit_bits_max": st.just(16),
        "halvings": st.integers(1, 40),
        "code_bits": st.integers(2, 4),
        "past_the_end": st.sampled_from(["zero", "last"]),
    },
    "ita": {
        "logit_bits_max": st.just(16),
        "group_width": st.integers(1, 20),
        "octave_shift": st.integers(0, 12),
        "exponential_bits": st.integers(4, 24),
        "output_bits": st.integers(4, 16),
        "sum_bits": st.integers(31, 48),
    },
}
WIDTHS["hyq"] = WIDTHS["log_int"]
"""What each kind's configuration may be; rows of ROW_LENGTH_MAX fit nearly all of it."""


@st.composite
def units(draw: st.DrawFn, kind: str) -> SoftmaxUnit:
    """A unit of the kind, of any widths."""
    fields = {name: draw(strategy) for name, strategy in WIDTHS[kind].items()}
    if kind == "ivit":
        fields["halvings"] = min(fields["halvings"], fields["sum_bits"] - 7)  # an octave of 1, rows of 64
    if kind == "ita":
        fields["output_bits"] = min(fields["output_bits"], fields["exponential_bits"])
    return unit_of_kind(kind, **fields)


def compare(unit: Any, logits: Width, rows: Array, constants: dict[str, Array]) -> dict[str, Array]:
    """Check the constants, compare all stages, and hold the output to its stated format and row sums."""
    unit.check("test", logits, rows.shape[1], constants)
    arrays = {"logits": rows, **constants}
    found = same_stages(unit, KERNELS[unit.kind], JUDGES[unit.kind], arrays, (*unit.stages, "output"))
    check_format(unit, rows.shape[1], found["output"])
    return found


def test_every_kind_has_both_statements() -> None:
    """No kind escapes the tests of this file."""
    assert sorted(KERNELS) == sorted(JUDGES) == sorted(SECTIONS) == sorted(WIDTHS)


@pytest.mark.parametrize("kind", sorted(WIDTHS))
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_configuration(kind: str, data: st.DataObject) -> None:
    """Any widths and any constants that the unit admits, one or one a row; all the corner rows each time."""
    unit: Any = data.draw(units(kind))
    logits = Width(data.draw(st.integers(2, unit.logit_bits_max)), data.draw(st.booleans()))
    n = data.draw(st.integers(1, ROW_LENGTH_MAX))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    rows = logit_rows(rng, logits, n, data.draw(st.integers(1, 20)))
    each = len(rows) if data.draw(st.booleans()) else None
    constants = softmax_parameters(rng, unit, logits.bits, n, each)
    compare(unit, logits, rows, constants)


@pytest.mark.parametrize("kind", sorted(WIDTHS))
def test_narrow_dtypes(kind: str) -> None:
    """Logits and constants in the narrowest dtype that holds them: no difference of logits wraps in it."""
    unit, rng = unit_of_kind(kind), np.random.default_rng(4)
    for signed in (True, False):
        logits = Width(8, signed)
        rows, constants = logit_rows(rng, logits, 20), softmax_parameters(rng, unit, 8, 20)
        assert narrowest(rows).dtype == (np.int8 if signed else np.uint8)
        compare(unit, logits, narrowest(rows), {name: narrowest(array) for name, array in constants.items()})


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("kind", sorted(WIDTHS))
def test_the_constants_of_a_scale(kind: str, bits: int) -> None:
    """The source's widths with the constants that lowering makes, from flat to steep exponentials."""
    unit = unit_of_kind(kind)
    rng = np.random.default_rng(bits)
    for scale in (Fraction(1, 1000), Fraction(1, 37), Fraction(1, 5), Fraction(1)):
        constants = constants_for(unit, bits, unit.logits_scale or scale)
        for signed in (True, False):
            for n in (1, 2, 17, 49, 197):
                logits = Width(bits, signed)
                compare(unit, logits, logit_rows(rng, logits, n, 16), constants)


@pytest.mark.parametrize("kind", sorted(WIDTHS))
def test_every_pair_of_logits(kind: str) -> None:
    """All 2 ** 10 rows of two 5-bit logits, with several constants each."""
    codes = np.arange(-16, 16)
    rows = np.stack(np.meshgrid(codes, codes), axis=-1).reshape(-1, 2)
    rng = np.random.default_rng(0)
    for _ in range(6):
        unit = unit_of_kind(kind)
        compare(unit, Width(5, True), rows, softmax_parameters(rng, unit, 5, 2, len(rows)))


@pytest.mark.parametrize("kind", sorted(WIDTHS))
def test_the_longest_row(kind: str) -> None:
    """As many logits as the unit holds: equal, one above all, and any."""
    unit = unit_of_kind(kind)
    logits = Width(8, True)
    rows = logit_rows(np.random.default_rng(1), logits, unit.row_max, 16)
    for scale in (Fraction(1, 40), Fraction(1)):
        compare(unit, logits, rows, constants_for(unit, 8, unit.logits_scale or scale))


def test_ita_rises_in_every_group() -> None:
    """Each group's maximum lies above the last one's by any distance up to past 62 octaves; each shift floors."""
    rng = np.random.default_rng(2)
    for octave_shift in (0, 1, 5):
        unit: Any = unit_of_kind("ita", octave_shift=octave_shift, group_width=4, logit_bits_max=16)
        for step in (0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 61, 62, 63, 64, 65, 2000):
            rows = np.arange(40) // 4 * step - rng.integers(0, 9, (8, 40)) - (1 << 14)
            found = compare(unit, Width(16, True), rows, {})
            assert (found["sum"] >= 1 << unit.exponential_bits).all()


def test_ita_rounds_its_distance() -> None:
    """(a >> 5) + bit 4 of a: 15 is no octave, 16 is one, 47 is one, 48 two; 65280 / 256 = 255."""
    unit: Any = unit_of_kind("ita", octave_shift=5)
    for distance, octaves in ((0, 0), (15, 0), (16, 1), (47, 1), (48, 2), (111, 3), (112, 4)):
        found = compare(unit, Width(8, True), np.array([[100, 100 - distance]]), {})
        total = 256 + (256 >> octaves)
        assert found["sum"].tolist() == [[total]]
        assert found["output"].tolist() == [[65280 // total, (65280 // total) >> octaves]]


def test_ivit_saturates_past_63_bits() -> None:
    """65536 exponentials of 2 ** 62 - 2 ** 31 add up to 78 bits; the register stops at 2 ** 62 - 1."""
    unit: Any = unit_of_kind("ivit", sum_bits=62, halvings=31, row_max=65536)
    for n, saturated in ((1, False), (2, True), (3, True), (4, True), (5, True), (65536, True)):
        found = compare(unit, Width(8, True), np.full((1, n), 7), {"octave": np.array([(1 << 31) - 1])})
        assert (int(found["sum"][0, 0]) == (1 << 62) - 1) == saturated


@pytest.mark.parametrize("sum_bits", [16, 30, 31, 32, 33, 61])
def test_ivit_sums_around_the_end_of_the_register(sum_bits: int) -> None:
    """Sums just below, at and above 2 ** sum_bits."""
    unit: Any = unit_of_kind("ivit", sum_bits=sum_bits, halvings=4, output_bits=4)
    top = (1 << sum_bits) >> 4
    seen = set()
    for octave in {min(top // 4 + d, (1 << 31) - 1) for d in (-2, -1, 0, 1)} | {min(top - 1, (1 << 31) - 1)}:
        for n in (3, 4, 5, 8):
            found = compare(unit, Width(8, True), np.full((1, n), -3), {"octave": np.array([octave])})
            seen.add(bool(found["sum"][0, 0] == (1 << sum_bits) - 1))
    assert seen == ({False, True} if sum_bits <= 33 else {False})


def test_gemmlowp_shifts_past_every_register() -> None:
    """difference_min 0 leaves one logit; shift 31 leaves no difference at all; all of 4095 equal logits halve
    the sum 11 times, and the 8-bit output is the lowest code."""
    multiplier = np.array([(1 << 31) - 1])
    rows = np.array([[5, 5, 4, -128], [127, -128, 0, 127]])
    for shift, lowest in ((31, 0), (0, 0), (26, -31), (0, -(31 << 26)), (24, -(31 << 2))):
        constants = {"multiplier": multiplier, "shift": np.array([shift]), "difference_min": np.array([lowest])}
        for output_bits in (8, 16):
            found = compare(unit_of_kind("gemmlowp", output_bits=output_bits), Width(8, True), rows, constants)
            assert (found["exponential"][rows == rows.max(axis=1, keepdims=True)] == (1 << 31) - 1).all()
            long_row = np.full((1, 4095), -1)
            found = compare(unit_of_kind("gemmlowp", output_bits=output_bits), Width(8, True), long_row, constants)
            assert int(found["sum"][0, 0]) == 4095 << 19
            assert set(found["output"].reshape(-1).tolist()) == ({-128} if output_bits == 8 else {16 - (1 << 15)})


def test_gemmlowp_every_difference() -> None:
    """Every 16-bit difference, at scales that reach -31, that leave most for 0, and that sample -1 .. 0 finely."""
    lower = np.arange(-(1 << 15), 1)
    rows = np.stack([np.zeros_like(lower), lower], axis=1)
    unit = unit_of_kind("gemmlowp", logit_bits_max=16, output_bits=16)
    coarse = (((1 << 31) - 1, 16), (1 << 30, 15), (1518500250, 17))
    for multiplier, shift in (*coarse, (1999999973, 11), (1073741827, 12)):
        constants = {"multiplier": multiplier, "shift": shift, "difference_min": -((31 << 26) >> shift)}
        compare(unit, Width(16, True), rows, {name: np.array([value]) for name, value in constants.items()})


def test_ibert_shifts_past_62() -> None:
    """A right shift of 63 to 102 leaves 0, whatever the rounding; one of 62 may leave 1."""
    rows = np.array([[0, -1, -2, -3, -10, -40, -100]])
    constants = {"octave": 1, "b": 1, "c": 2147483649, "multiplier": 2147483647, "shift": 61}
    seen = set()
    for rounding in Rounding:
        unit = unit_of_kind("ibert", rounding=rounding, halvings=40)
        found = compare(unit, Width(8, True), rows, {name: np.array([value]) for name, value in constants.items()})
        assert found["exponential"][0, 2:].tolist() == [0] * 5
        seen.add(int(found["exponential"][0, 1]))
    assert seen == {0, 1}


@pytest.mark.parametrize("past_the_end", ["zero", "last"])
@pytest.mark.parametrize("kind", ["hyq", "log_int"])
def test_every_log2_code(kind: str, past_the_end: str) -> None:
    """Rows that fall by a seventh of an octave to three octaves a step meet every code, and exponentials of 0."""
    coefficients = {"octave": 7, "b": 9, **({"c": 25} if kind == "log_int" else {})}
    constants = {name: np.array([value]) for name, value in coefficients.items()}
    for code_bits in (2, 3, 4):
        unit = unit_of_kind(kind, past_the_end=past_the_end, code_bits=code_bits)
        last = (1 << code_bits) - 1
        rows = np.maximum(-np.array([[1], [2], [3], [5], [7], [10], [20]]) * np.arange(100), -255) + 127
        found = compare(unit, Width(8, True), rows, constants)
        assert set(found["log2"].reshape(-1).tolist()) == set(range(last + (past_the_end == "zero") + 1))
        assert set(found["output"].reshape(-1).tolist()) <= {0, *(1 << k for k in range(last + 1))}
        assert (0 in found["output"]) == (past_the_end == "zero")


def test_quotients_tie() -> None:
    """S / e = 5/2 goes to 2 and 7/2 to 4: to even."""
    unit = unit_of_kind("hyq", halvings=4)
    constants = {"octave": np.array([1]), "b": np.array([1])}
    for octaves, total, quotients in (([0, 1, 0], 40, [2, 5, 2]), ([0, 1, 0, 0], 56, [4, 7, 4, 4])):
        found = compare(unit, Width(8, True), -np.array([octaves]), constants)
        assert (found["sum"].tolist(), found["quotient"].tolist()) == ([[total]], [quotients])


@pytest.mark.parametrize("kind", ["table", "unnormalised"])
def test_the_widest_tables(kind: str) -> None:
    """4096 entries: every distance of two 12-bit logits is read."""
    low, high = code_range(12, signed=False)
    rows = np.stack([np.full(high + 1, high), np.arange(low, high + 1)], axis=1)
    unit = unit_of_kind(kind, logit_bits_max=12)
    compare(unit, Width(12, False), rows, softmax_parameters(np.random.default_rng(3), unit, 12, 2))
