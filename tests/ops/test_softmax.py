"""softmax: kernel, judge and Python integers agree; the contract's refusals; work by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from op_agreement import Array, agree, extremes, with_operands
from op_cases import softmax_case
from op_changes import Change, constant, output, per_channel, refused, source, through
from op_datapaths import IOT_NPU, datapath
from op_parts import Case, build, tensor

from bittrue.spec.arithmetic import Rounding, round_shift
from bittrue.spec.datapath import Datapath
from bittrue.spec.op import Call, Work
from bittrue.spec.ops import Softmax

UNITS = {
    "u8 exponentials and probabilities": datapath(
        {"softmax.exponential_bits": 8, "softmax.probability_bits": 8, "softmax.reciprocal_bits": 24}
    ),
    "coarse reciprocal": datapath({"softmax.reciprocal_bits": 17}),
    "finest reciprocal": datapath({"softmax.reciprocal_bits": 62}),
    "4 bits": datapath({"softmax.exponential_bits": 4, "softmax.probability_bits": 4, "softmax.reciprocal_bits": 16}),
    "12-bit logits": datapath({"softmax.logit_bits_max": 12}),
    **{mode: datapath({"softmax.rounding": mode}) for mode in map(str, Rounding)},
}


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """A table read a logit, one floor division a row."""
    unit, table = call.datapath.softmax, call.constants["table"].tolist()
    stages: dict[str, Any] = {"maximum": [], "exponential": [], "sum": [], "reciprocal": [], "output": []}
    for row in operands[0].reshape(-1, call.output.shape[-1]).tolist():
        exponentials = [table[max(row) - q] for q in row]
        reciprocal = (1 << unit.reciprocal_bits) // sum(exponentials)
        shift, top = unit.reciprocal_bits - unit.probability_bits, (1 << unit.probability_bits) - 1
        stages["maximum"].append(max(row))
        stages["exponential"].append(exponentials)
        stages["sum"].append(sum(exponentials))
        stages["reciprocal"].append(reciprocal)
        stages["output"].append([min(round_shift(e * reciprocal, shift, unit.rounding), top) for e in exponentials])
    return stages


def rows_of(result: Array) -> list[list[int]]:
    """Codes as rows."""
    rows: list[list[int]] = result.reshape(-1, result.shape[-1]).tolist()
    return rows


@pytest.mark.parametrize("path", [IOT_NPU, *UNITS.values()], ids=["iot_npu", *UNITS])
def test_every_datapath(path: Datapath) -> None:
    """Exact agreement for each width and rounding; rows sum to at most the proved bound."""
    for seed, scale in enumerate((0.001, 0.05, 0.2, 3.0)):
        found = agree(softmax_case(np.random.default_rng(seed), path, scale=scale), plain)
        n = found.output.shape[-1]
        assert found.output.astype(int).sum(axis=-1).max() <= (1 << path.softmax.probability_bits) + n


@pytest.mark.parametrize("bits", [2, 5, 8, 12])
def test_logit_widths(bits: int) -> None:
    """The table has as many entries as there are distances between two codes."""
    agree(softmax_case(np.random.default_rng(bits), UNITS["12-bit logits"], bits=bits), plain)


@pytest.mark.parametrize("shape", [(1,), (5,), (1, 1), (2, 3, 1), (1, 1, 300), (2, 1, 2, 3)], ids=str)
def test_shapes(shape: tuple[int, ...]) -> None:
    """Rows of one logit, of many, of any number of leading axes."""
    agree(softmax_case(np.random.default_rng(5), shape=shape), plain)


def test_extremes() -> None:
    """Every logit at the lowest code, at the highest, and random mixtures of both."""
    rng = np.random.default_rng(6)
    for case in extremes(softmax_case(rng), rng):
        agree(case, plain)


@pytest.mark.parametrize("code", [0, 1])
def test_constant_rows(code: int) -> None:
    """Six equal logits: S = 6 * 65535, r = floor(2**46 / S) = 178959701; 65535 * r / 2**30 = 10922.67 -> 10923."""
    case = softmax_case(np.random.default_rng(7))
    found = agree(with_operands(case, np.array(case.call.inputs[0].code_range[code])), plain)
    assert set(found.stages["sum"].reshape(-1).tolist()) == {6 * 65535}
    assert set(found.stages["reciprocal"].reshape(-1).tolist()) == {(1 << 46) // (6 * 65535)}
    assert set(found.output.reshape(-1).tolist()) == {10923}


def test_equal_logits_in_a_long_row() -> None:
    """300 equal logits: 2**16 / 300 = 218.45 -> 218, where 8-bit probabilities would all be 0 or 1."""
    case = softmax_case(np.random.default_rng(8), shape=(2, 300))
    found = agree(with_operands(case, np.array(3)), plain)
    assert set(found.output.reshape(-1).tolist()) == {218}
    coarse = softmax_case(np.random.default_rng(8), UNITS["u8 exponentials and probabilities"], shape=(2, 600))
    assert set(agree(with_operands(coarse, np.array(3)), plain).output.reshape(-1).tolist()) == {0}


def test_one_hot_rows_saturate() -> None:
    """One logit far above: S = 65535, e*r rounds to 2**16, which the output holds as 2**16 - 1; the others are 0."""
    case = softmax_case(np.random.default_rng(9), shape=(6, 6), scale=1.0)
    low, high = case.call.inputs[0].code_range
    found = agree(with_operands(case, np.where(np.eye(6, dtype=bool), high, low)), plain)
    assert found.output.tolist() == np.where(np.eye(6, dtype=bool), 65535, 0).tolist()


def by_hand(logits: list[list[int]], table: list[int]) -> Case:
    """2-bit signed logits; 4-bit exponentials and probabilities, 16-bit reciprocal."""
    path = UNITS["4 bits"]
    target = tensor("y", (len(logits), len(logits[0])), bits=4, signed=False, row_sum_max=16 + len(logits[0]))
    call = build(Softmax(), [tensor("x", target.shape, bits=2)], target, {"table": np.array(table)}, path)
    return Case(call, (np.array(logits, np.int8),))


def test_by_hand() -> None:
    """[1, 0, -2] with table 15, 6, 3, 1: M = 1; e = 15, 6, 1; S = 22; r = floor(65536/22) = 2978.

    e*r = 44670, 17868, 2978, over 2**12: 10.906, 4.362, 0.727 -> 11, 4, 1.
    """
    found = agree(by_hand([[1, 0, -2]], [15, 6, 3, 1]), plain)
    assert {name: stage.tolist() for name, stage in found.stages.items()} == {
        "maximum": [[1]],
        "exponential": [[15, 6, 1]],
        "sum": [[22]],
        "reciprocal": [[2978]],
    }
    assert found.output.tolist() == [[11, 4, 1]]


def test_the_zero_point_cancels() -> None:
    """The same codes with another input zero point give the same integers."""
    case = softmax_case(np.random.default_rng(10))
    moved = replace(case.call, inputs=(replace(case.call.inputs[0], zero_point=(12345,)),))
    assert rows_of(agree(case, plain).output) == rows_of(agree(Case(moved, case.operands), plain).output)


SHAPE = (1, 2, 3, 6)
REFUSALS: dict[str, tuple[Change, str]] = {
    "row longer than the unit": (through({"softmax.row_max": 5}), "longer than the unit"),
    "logits wider than the unit": (source(tensor("x", SHAPE, bits=9)), "too wide for the unit"),
    "logits per channel": (per_channel(0, 1), "per-channel"),
    "table too short": (constant("table", [65535] * 255), "table of exponentials"),
    "table is a matrix": (constant("table", [[65535] * 256]), "table of exponentials"),
    "table starts elsewhere": (constant("table", [65534] * 256), "table of exponentials"),
    "table entry negative": (constant("table", [65535, -1] * 128), "table of exponentials"),
    "table entry past its width": (constant("table", [65535, 65536] * 128), "table of exponentials"),
    "another exponential width": (through({"softmax.exponential_bits": 15}), "table of exponentials"),
    "output of another width": (
        output(tensor("y", SHAPE, bits=8, signed=False, row_sum_max=(1 << 16) + 6)),
        "fixed format",
    ),
    "output signed": (output(tensor("y", SHAPE, bits=16, row_sum_max=(1 << 16) + 6)), "fixed format"),
    "output zero point": (
        output(tensor("y", SHAPE, bits=16, signed=False, zero_point=[1], row_sum_max=(1 << 16) + 6)),
        "fixed format",
    ),
    "row sum not declared": (output(tensor("y", SHAPE, bits=16, signed=False)), "fixed format"),
    "row sum another": (output(tensor("y", SHAPE, bits=16, signed=False, row_sum_max=1 << 16)), "fixed format"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Rows, tables and formats that the contract excludes."""
    refused(softmax_case(np.random.default_rng(9)).call, change, words)


def test_work() -> None:
    """6 rows of 6 logits: one division a row, everything else once a logit."""
    call = softmax_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(None, {"compare": 36, "table": 36, "add": 36, "requantize": 36, "divide": 6})
