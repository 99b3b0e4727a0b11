"""softmax of the fast machine against the plain kernels: every kind, corner rows, row lengths and places; refusals."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from bound_steps import runs_as_plain
from op_kinds import SOFTMAXES, any_softmax_case, with_section
from op_parts import Case
from softmax_parameters import logit_rows
from softmax_units import SECTIONS, constants_for

from bittrue.simulator.plan.processor import has_vnni
from bittrue.simulator.plan.softmax import bind_softmax, rows
from bittrue.simulator.plan.softmax.distances import planes_of
from bittrue.simulator.plan.softmax.powers import divisors_of, fill_powers
from bittrue.simulator.plan.softmax.table import is_vector_table
from bittrue.simulator.plan.view import View
from bittrue.simulator.units.softmax.log2 import powers
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.section import Width

LENGTHS = (1, 2, 17, 64, 256, 300)
TABLES = {
    **{f"table {rule}": with_section("softmax", SECTIONS["table"], rounding=str(rule)) for rule in Rounding},
    **{
        name: with_section("softmax", SECTIONS["table"], **changes)
        for name, changes in {
            "table 8 of 8": {"exponential_bits": 8, "probability_bits": 8, "reciprocal_bits": 24},
            "table 12 of 16": {"probability_bits": 12},
            "table 12 of 12": {"exponential_bits": 12, "probability_bits": 12, "reciprocal_bits": 20},
            "table 16 of 8": {"exponential_bits": 8},
            "table of the coarsest reciprocal": {"reciprocal_bits": 17},
            "table of the finest reciprocal": {"reciprocal_bits": 62},
        }.items()
    },
}
PATHS = {**SOFTMAXES, **TABLES}
STATEMENTS = [
    pytest.param("portable", id="portable"),
    *([pytest.param("vector", id="vector")] if has_vnni() else []),
]


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_every_kind(path: Datapath) -> None:
    """Constants that the unit admits, corner rows of every length, logits of 2 to 8 bits of either sign."""
    taken = []
    for seed in range(12):
        rng, n = np.random.default_rng(seed), LENGTHS[seed % 6]
        bits = 8 if seed < 6 else int(rng.integers(2, 9))
        case = any_softmax_case(rng, path, shape=(1, 2, 11, n), bits=bits, signed=bool(seed & 1))
        taken.append(runs_as_plain(case, bind_softmax))
    # Sums of 60 bits and more are left to the plain kernel; no other row is.
    assert all(taken) or "hyq" in path.softmax.kind


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_rows_that_do_not_lie_side_by_side(path: Datapath) -> None:
    """Logits one channel of several apart, as a sliced image has them, and more rows than a kernel takes together."""
    for seed, n in ((12, 17), (14, 64)):
        case = any_softmax_case(np.random.default_rng(seed), path, shape=(1, 1, 19, n))
        apart = View(5, (((1, 1),), ((1, 1),), ((19, 3 * n),), ((n, 3),)))
        assert runs_as_plain(case, bind_softmax, views=[apart])


@pytest.mark.parametrize("scale", [Fraction(1, 1000), Fraction(1, 30), Fraction(1, 8), Fraction(1)], ids=str)
@pytest.mark.parametrize("kind", sorted(set(SECTIONS) - {"ita"}))
def test_scales(kind: str, scale: Fraction) -> None:
    """The constants that lowering gives logits of a scale: corner rows of 256, and every distance beside a maximum."""
    path = SOFTMAXES[kind]
    if kind in ("ibert", "log_int", "hyq") and scale == 1:
        scale = Fraction(1, 2)  # their coefficients are 0 for a coarser one
    logits = logit_rows(np.random.default_rng(1), Width(8, True), 256)
    pairs = np.repeat(np.arange(-128, 128)[:, None], 256, axis=1)
    pairs[:, 0] = 127
    codes = np.concatenate([logits, pairs]).astype(np.int8)[None, None]
    drawn = any_softmax_case(np.random.default_rng(0), path, shape=codes.shape)
    call = replace(drawn.call, constants=constants_for(path.softmax, 8, scale))
    call.op.check(call)
    assert runs_as_plain(Case(call, (codes,)), bind_softmax)


def test_one_hot_rows() -> None:
    """Sums of exponentials of 65535 and of 65536: the reciprocal is held at 32 bits, and no probability moves."""
    path = SOFTMAXES["table"]
    case = any_softmax_case(np.random.default_rng(0), path, shape=(1, 1, 6, 70))
    table = np.zeros(256, np.int64)
    table[[0, 10, 20]] = 65535, 1, 2
    codes = np.full((1, 1, 6, 70), -128, np.int8)
    codes[..., 3] = 127
    codes[0, 0, 1, 5], codes[0, 0, 2, 5], codes[0, 0, 3, 5:7], codes[0, 0, 4] = 117, 107, 117, 9
    call = replace(case.call, constants={"table": table})
    assert runs_as_plain(Case(call, (codes,)), bind_softmax)


@pytest.mark.parametrize("rule", Rounding)
def test_ties_of_the_table(rule: Rounding) -> None:
    """Exponentials 255, 16, 48 and 193 sum to 512: sixteenths of 16 / 32 = 0.5 and 48 / 32 = 1.5."""
    path = with_section(
        "softmax", SECTIONS["table"], exponential_bits=8, probability_bits=4, reciprocal_bits=20, rounding=str(rule)
    )
    drawn = any_softmax_case(np.random.default_rng(0), path, shape=(1, 4))
    table = np.zeros(256, np.int64)
    table[:4] = 255, 16, 48, 193
    case = Case(replace(drawn.call, constants={"table": table}), (np.array([[5, 4, 3, 2]], np.int8),))
    assert runs_as_plain(case, bind_softmax)


@pytest.mark.parametrize("name", [name for name in PATHS if name.startswith("ita")])
def test_rises_of_the_maximum(name: str) -> None:
    """Rows that climb slowly, so that the maximum rises inside of groups, at their ends and not at all."""
    rng = np.random.default_rng(4)
    index = np.arange(90)
    climbs = [index // steps - rng.integers(0, spread, 90) for steps in (2, 5, 11, 40) for spread in (1, 3, 9, 30)]
    codes = np.array(climbs, np.int8)[None]
    drawn = any_softmax_case(rng, PATHS[name], shape=codes.shape)
    assert runs_as_plain(Case(drawn.call, (codes,)), bind_softmax)


def test_the_vector_table_and_its_neighbours() -> None:
    """The default unit takes the vector code where the processor has it; other widths and rules do not."""
    assert is_vector_table(SOFTMAXES["table"].softmax) == has_vnni()
    for name in ("table half_even", "table floor", "table 8 of 8", "table 16 of 8", "table of the finest reciprocal"):
        assert not is_vector_table(PATHS[name].softmax)


def test_wide_logits_are_refused() -> None:
    """Nine bits of a logit are no byte."""
    path = with_section("softmax", SECTIONS["table"], logit_bits_max=12)
    assert not runs_as_plain(any_softmax_case(np.random.default_rng(3), path, shape=(1, 2, 3, 8), bits=9), bind_softmax)


def test_long_sums_are_refused() -> None:
    """A row whose exponentials may sum to 2**60 is left to the plain kernel; one of half the length is not."""
    path = SOFTMAXES["hyq"]
    drawn = any_softmax_case(np.random.default_rng(0), path, shape=(1, 1, 2, 64))
    constants = {"octave": np.array([3]), "b": np.array([1 << 24])}
    for n, taken in ((32, True), (64, False)):
        call = replace(any_softmax_case(np.random.default_rng(0), path, shape=(1, 1, 2, n)).call, constants=constants)
        call.op.check(call)
        codes = drawn.operands[0][..., :n]
        assert runs_as_plain(Case(call, (codes,)), bind_softmax) == taken


@pytest.mark.parametrize("statement", STATEMENTS)
def test_rows_of_every_length(statement: str) -> None:
    """Largest, reach, first byte above a limit, sums and maps of rows of 1 to 200 bytes, wherever they begin."""
    rng = np.random.default_rng(0)
    terms = rng.integers(0, 1 << 40, 256)
    entries, planes = rng.integers(0, 1 << 16, 256).astype(np.uint16), planes_of(terms)
    functions = (getattr(rows, f"_{name}_{statement}") for name in ("largest", "reach", "above", "sum", "map"))
    largest_of, reach_of, above_of, sum_of, map_row = functions
    for n in (*range(1, 70), 127, 128, 129, 192, 200):
        memory = rng.integers(0, 256, n + 100).astype(np.uint8)
        row = memory[n % 7 : n % 7 + n]
        row[:] = rng.integers(*sorted(rng.choice(257, 2, replace=False).tolist()), n)
        peak, limit = int(row.max()), int(row[rng.integers(n)])
        assert largest_of(row) == peak
        assert reach_of(row, peak) == peak - int(row.min()) + 1
        assert above_of(row, limit) == next((i for i in range(n) if row[i] > limit), n)
        assert sum_of(row, peak, terms, planes) == int(terms[peak - row.astype(int)].sum())
        for dtype in (np.uint8, np.uint16):
            target = np.full(n + 9, 77, dtype)
            map_row(row, peak, entries, target, 4)
            wanted = entries[peak - row.astype(int)] & np.iinfo(dtype).max
            assert target.tolist() == [77] * 4 + wanted.tolist() + [77] * 5


def test_planes() -> None:
    """Numbers byte by byte, and no more bytes than the largest has."""
    terms = np.arange(256) * 0x010203
    planes = planes_of(terms).reshape(-1, 256)
    assert planes.shape[0] == 4
    assert (planes.T.astype(np.int64) @ (1 << (8 * np.arange(4)))).tolist() == terms.tolist()
    assert planes_of(np.zeros(256, np.int64)).size == 256


@pytest.mark.parametrize("last", [3, 7, 15])
def test_powers_without_a_division(last: int) -> None:
    """Every quotient of a sum up to 700 by an exponential up to it, and quotients around every power of two."""
    cases = [(total, np.arange(min(total, 255) + 1)) for total in range(1, 700, 1 if last == 15 else 7)]
    for power in range(1, 18):
        near = [((1 << power) * 3 * step + side, np.arange(30)) for step in (1, 5, 1000) for side in range(-6, 7)]
        cases += [(total, exponentials) for total, exponentials in near if total >= 29]
    for total, exponentials in cases:
        table = np.zeros(256, np.int64)
        table[: exponentials.size] = exponentials
        count = exponentials.size
        quotient, log2, wanted = (np.empty((1, count), np.int64) for _ in range(3))
        for zero_past in (True, False):
            powers(table[None, :count], np.array([total]), last, zero_past, quotient, log2, wanted)
            entries = np.zeros(256, np.uint16)
            fill_powers(table, *divisors_of(table), count, total, last, 0 if zero_past else 1, entries)
            assert entries[:count].tolist() == wanted[0].tolist(), total
