"""arithmetic.json binds the three statements of the arithmetic, and holds every situation that matters."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
import torch
from vectors.make_arithmetic import COLUMNS, FORMAT_VERSION, MODES, SEED, TARGET, WIDTHS, coverage, results, text

import bittrue.golden.fixed as judge
import bittrue.simulator.fixed as kernel
from bittrue.spec import arithmetic
from bittrue.spec.arithmetic import Rounding

FILE = json.loads(TARGET.read_text(encoding="utf-8"))
CASES = {name: FILE[name] for name in COLUMNS}
TIES = [f"tie {sign} {parity}" for sign in ("positive", "negative") for parity in ("odd", "even")]
ROUNDING_MARKS = [*TIES, "exact positive", "exact negative", "shift 1", "shift 62"]
BESIDE_TIES = [f"tie{offset} {sign}" for offset in ("-1", "+1") for sign in ("positive", "negative")]
SATURATION_MARKS = [f"{end}{offset}" for end in ("low", "high") for offset in ("-1", "+0", "+1")]
OPERAND_MARKS = [
    "multiplier 1073741824",
    "multiplier 2147483647",
    "multiplier 0",
    "multiplier negative",
    "multiplier of another width",
    "zero point -128",
    "zero point 0",
    "zero point 127",
    "zero point wide",
    "codes other than s8",
]
REQUIRED = [
    *(f"round_shift {mode} {mark}" for mode in MODES for mark in [*ROUNDING_MARKS, *BESIDE_TIES]),
    *(f"requantize {mode} {mark}" for mode in MODES for mark in [*ROUNDING_MARKS, *SATURATION_MARKS, *OPERAND_MARKS]),
    *(f"wrap {bits} {mark}" for bits in WIDTHS for mark in ("low-1", "low", "high", "high+1", "far outside")),
    *(
        f"integer_root {mark}"
        for mark in ("perfect square-1", "perfect square", "perfect square+1", "above 2**53", "from 2**62")
    ),
]


def columns(section: str) -> dict[str, list[int]]:
    """The cases of a section by column name."""
    return {name: [case[index] for case in CASES[section]] for index, name in enumerate(COLUMNS[section])}


def test_the_file_is_what_the_generator_writes() -> None:
    """Nobody edited a result by hand, and the contract has not moved; else run the generator and read the diff."""
    assert TARGET.read_bytes() == text().encode()


def test_header() -> None:
    """Generator, version, seed and counts stand in the file; it stays small."""
    header = FILE["header"]
    assert (header["format_version"], header["seed"]) == (FORMAT_VERSION, SEED)
    assert header["generator"].endswith("make_arithmetic.py")
    assert header["cases"] == {name: len(cases) for name, cases in CASES.items()}
    assert 2000 <= sum(header["cases"].values()) <= 6000
    assert TARGET.stat().st_size < 700_000


def test_coverage_is_counted_and_complete() -> None:
    """The counts in the header are the counts of the cases, and no situation is missing."""
    counted = coverage(CASES)
    assert FILE["header"]["coverage"] == counted
    assert {
        key: counted.get(key, 0) for key in REQUIRED if counted.get(key, 0) < 3 and not key.startswith("wrap")
    } == {}
    assert [key for key in REQUIRED if not counted.get(key)] == []


@pytest.mark.parametrize("section", COLUMNS)
def test_python_integers(section: str) -> None:
    """The contract on Python integers gives every result."""
    width = {
        "round_shift": len(MODES),
        "requantize": len(MODES),
        "wrap": 1,
        "integer_root": 1,
        "multiplier_and_shift": 2,
    }[section]
    for case in CASES[section]:
        assert results(section, case[:-width]) == case[-width:], case


def test_modes_differ_on_ties() -> None:
    """No column can stand in for another: on positive ties half away and TOSA's double are half up and floor is
    truncation, on negative ones half away is floor and half up is truncation; every other pair differs on both.
    """
    up, away, floor, zero = Rounding.HALF_UP, Rounding.HALF_AWAY, Rounding.FLOOR, Rounding.TOWARD_ZERO
    double = Rounding.TOSA_DOUBLE
    positive = [{up, away}, {up, double}, {away, double}, {floor, zero}]
    for sign, equal in ((1, positive), (-1, [{away, floor}, {up, zero}])):
        ties = [
            case
            for case in CASES["round_shift"]
            if case[0] * sign > 0 and case[0] % (1 << case[1]) == 1 << (case[1] - 1)
        ]
        by_mode = dict(zip(MODES, list(zip(*ties, strict=True))[2:], strict=True))
        assert len(ties) > 50
        for one, other in combinations(MODES, 2):
            assert (by_mode[one] == by_mode[other]) == ({one, other} in equal)


def test_modes_differ_in_requantize() -> None:
    """No two result columns of requantize are equal."""
    values = columns("requantize")
    assert len({tuple(values[mode]) for mode in MODES}) == len(MODES)


@pytest.mark.parametrize("array", [np.array, torch.tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("mode", MODES)
def test_contract_on_arrays(array: Callable[[list[int]], np.ndarray | torch.Tensor], mode: Rounding) -> None:
    """round_shift and wrap of the contract mean the same on int64 arrays, whole columns at once."""
    values = columns("round_shift")
    assert arithmetic.round_shift(array(values["value"]), array(values["shift"]), mode).tolist() == values[mode]
    values = columns("requantize")
    scaled = array(values["accumulator"]) * array(values["multiplier"])
    codes = arithmetic.round_shift(scaled, array(values["shift"]), mode) + array(values["zero_point"])
    clamped = [arithmetic.clamp(*case) for case in zip(codes.tolist(), values["low"], values["high"], strict=True)]
    assert clamped == values[mode]
    values = columns("wrap")
    for bits in WIDTHS:
        cases = [(value, result) for value, width, result in CASES["wrap"] if width == bits]
        assert arithmetic.wrap(array([value for value, _ in cases]), bits).tolist() == [result for _, result in cases]


@pytest.mark.parametrize("mode", MODES)
def test_kernel_rounds(mode: Rounding) -> None:
    """simulator/fixed.py, number by number, in compiled int64."""
    code = kernel.ROUNDING_CODES[mode]
    index = COLUMNS["round_shift"].index(mode)
    for case in CASES["round_shift"]:
        assert kernel.round_shift(case[0], case[1], code) == case[index], case
    index = COLUMNS["requantize"].index(mode)
    for case in CASES["requantize"]:
        accumulator, multiplier, shift, zero_point, low, high = case[:6]
        assert kernel.requantize(accumulator, multiplier, 0, shift, zero_point, low, high, code) == case[index], case
        scaled = accumulator * multiplier
        assert kernel.clamp(kernel.round_shift(scaled, shift, code) + zero_point, low, high) == case[index], case


def test_kernel_offset_enters_before_the_rounding() -> None:
    """The beta of a norm: acc * m + offset is rounded once, so moving it into the accumulator changes nothing."""
    for accumulator, multiplier, shift, zero_point, low, high, wanted, *_ in CASES["requantize"]:
        assert (
            kernel.requantize(accumulator - 1, multiplier, multiplier, shift, zero_point, low, high, kernel.HALF_UP)
            == wanted
        )


def test_kernel_wraps_and_takes_roots() -> None:
    """simulator/fixed.py: wrap, saturate and integer_root."""
    for value, bits, result in CASES["wrap"]:
        assert kernel.wrap(value, bits) == result
        assert kernel.saturate(value, bits) == arithmetic.clamp(value, *arithmetic.code_range(bits, True))
    for value, root in CASES["integer_root"]:
        assert kernel.integer_root(value) == root


@pytest.mark.parametrize("mode", MODES)
def test_judge_rounds(mode: Rounding) -> None:
    """golden/fixed.py, whole columns at once, and with one shift for all."""
    values = columns("round_shift")
    assert (
        judge.round_shift(torch.tensor(values["value"]), torch.tensor(values["shift"]), mode).tolist() == values[mode]
    )
    index = COLUMNS["round_shift"].index(mode)
    for shift in set(values["shift"]):
        cases = [case for case in CASES["round_shift"] if case[1] == shift]
        assert judge.round_shift(torch.tensor([case[0] for case in cases]), shift, mode).tolist() == [
            case[index] for case in cases
        ]
    values = columns("requantize")
    scaled = torch.tensor(values["accumulator"]) * torch.tensor(values["multiplier"])
    rounded = judge.round_shift(scaled, torch.tensor(values["shift"]), mode) + torch.tensor(values["zero_point"])
    clamped = [
        judge.clamp(code, low, high).item()
        for code, low, high in zip(rounded, values["low"], values["high"], strict=True)
    ]
    assert clamped == values[mode]


def test_judge_wraps_and_takes_roots() -> None:
    """golden/fixed.py: wrap, saturate and integer_root."""
    for bits in WIDTHS:
        cases = [case for case in CASES["wrap"] if case[1] == bits]
        held = torch.tensor([case[0] for case in cases])
        assert judge.wrap(held, bits).tolist() == [case[2] for case in cases]
        wanted = [arithmetic.clamp(case[0], *arithmetic.code_range(bits, True)) for case in cases]
        assert judge.saturate(held, bits).tolist() == wanted
    values = columns("integer_root")
    assert judge.integer_root(torch.tensor(values["value"])).tolist() == values["result"]
