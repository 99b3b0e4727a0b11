"""Exponentials that matmul and weighted_sum divide by row sums: by hand, against Fractions, and what is refused."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from op_agreement import Array, agree, extremes, finished, with_operands
from op_cases import matmul_case, weighted_sum_case
from op_changes import Change, refused, through
from op_datapaths import datapath
from op_parts import Case, build, codes, tensor
from pydantic import ValidationError
from softmax_plain import rounded
from softmax_units import SECTIONS, unit_of_kind

from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Work
from bittrue.spec.ops import MatMul, WeightedSum
from bittrue.spec.units.section import Width

PATH = datapath({"softmax": SECTIONS["unnormalised"]})
PATHS = {
    "as stated": PATH,
    "floor, 4 fraction bits": datapath(
        {"softmax": {**SECTIONS["unnormalised"], "rounding": "floor", "fraction_bits": 4, "reciprocal_bits": 30}}
    ),
    "8-bit exponentials, to even": datapath(
        {"softmax": {**SECTIONS["unnormalised"], "exponential_bits": 8, "rounding": "half_even", "fraction_bits": 0}}
    ),
    "20-bit accumulator wraps": datapath(
        {"softmax": SECTIONS["unnormalised"], "mac.accumulator_bits": 20, "mac.overflow": "wrap"}
    ),
    "20-bit accumulator saturates": datapath(
        {"softmax": SECTIONS["unnormalised"], "mac.accumulator_bits": 20, "mac.overflow": "saturate"}
    ),
}
REQUANTIZER = {"multiplier": np.array([(1 << 30) + 12345], np.int32), "shift": np.array([40], np.int8)}


def exponentials(name: str, shape: tuple[int, ...], path: Any = PATH) -> Any:
    """The tensor that the unit's softmax gives."""
    form = path.softmax.output(shape[-1])
    return tensor(name, shape, bits=form.bits, signed=False, row_sum_max=form.row_sum_max)


def matmul(path: Any = PATH, *, transpose_b: bool = False) -> Case:
    """[2, 3, 5] exponentials by [2, 5, 4] values with a zero point."""
    rng = np.random.default_rng(1)
    a = exponentials("a", (2, 3, 5), path)
    b = tensor("b", (2, 4, 5) if transpose_b else (2, 5, 4), zero_point=[17])
    op = MatMul(transpose_b, divide_by_row_sum=True)
    call = build(op, [a, b], tensor("y", (2, 3, 4), zero_point=[-3]), dict(REQUANTIZER), path)
    return Case(call, (codes(rng, a), codes(rng, b)))


def weighted_sum(path: Any = PATH) -> Case:
    """Keys [1, 3, 2, 5], exponentials [1, 1, 2, 5]."""
    rng = np.random.default_rng(2)
    a, b = tensor("a", (1, 3, 2, 5), zero_point=[-9]), exponentials("b", (1, 1, 2, 5), path)
    output = tensor("y", (1, 3, 2, 1))
    call = build(WeightedSum(divide_by_row_sum=True), [a, b], output, dict(REQUANTIZER), path)
    return Case(call, (codes(rng, a), codes(rng, b)))


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """Exact sums, then the division as fractions; for accumulators that cannot overflow."""
    unit: Any = call.datapath.softmax
    (za,), (zb,) = call.inputs[0].zero_point, call.inputs[1].zero_point
    a, b = (operand.astype(object) - zero for operand, zero in zip(operands, (za, zb), strict=True))
    if isinstance(call.op, MatMul):
        accumulator = np.matmul(a, b.swapaxes(-1, -2) if call.op.transpose_b else b)
        sums = operands[0].astype(object).sum(axis=-1, keepdims=True)
    else:
        accumulator = (a * b).sum(axis=-1, keepdims=True)
        sums = operands[1].astype(object).sum(axis=-1, keepdims=True)
    reciprocal = np.array([2**unit.reciprocal_bits // max(s, 1) for s in sums.reshape(-1)], object).reshape(sums.shape)
    scaled = (accumulator * reciprocal).reshape(-1)
    quotient = [rounded(Fraction(x, 2 ** (unit.reciprocal_bits - unit.fraction_bits)), unit.rounding) for x in scaled]
    ends = [finished(call, q) for q in quotient]
    return {
        "accumulator": accumulator, "row_sum": sums, "reciprocal": reciprocal, "quotient": quotient,
        "rounded": [value for value, _ in ends], "output": [code for _, code in ends],
    }  # fmt: skip


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_kernel_judge_and_fractions_agree(path: Any) -> None:
    """Both ops, b as it is and transposed; overflowing accumulators against the judge alone."""
    for case in (matmul(path), matmul(path, transpose_b=True), weighted_sum(path)):
        proved = case.call.accumulator_proved
        agree(case, plain if proved else None)
        for extreme in extremes(case, np.random.default_rng(3)):
            agree(extreme, plain if proved else None)


def test_by_hand() -> None:
    """Exponentials 65535, 13107 and values 10, 40: A = 1179630, S = 78642, A / S = 15; with 12 fraction bits 61440.

    floor(2**46 / 78642) = 894803527; A * that is 2**46 * 15 less 0.9 * A, and rounds to 61440.
    """
    a, b = exponentials("a", (1, 2)), tensor("b", (2, 1))
    constants = {"multiplier": np.array([1 << 30], np.int32), "shift": np.array([42], np.int8)}  # / 2**12
    call = build(MatMul(divide_by_row_sum=True), [a, b], tensor("y", (1, 1)), constants, PATH)
    found = agree(Case(call, (np.array([[65535, 13107]], np.uint16), np.array([[10], [40]], np.int8))), plain)
    assert found.stages["accumulator"].tolist() == [[1179630]]
    assert found.stages["row_sum"].tolist() == [[78642]]
    assert found.stages["reciprocal"].tolist() == [[2**46 // 78642]]
    assert found.stages["quotient"].tolist() == [[15 << 12]]
    assert found.output.tolist() == [[15]]


def test_rows_of_zeros_give_the_zero_point() -> None:
    """No softmax makes one, but the division is defined: by 1."""
    case = matmul()
    found = agree(with_operands(case, np.array(0), case.operands[1]), plain)
    assert set(found.stages["reciprocal"].ravel().tolist()) == {1 << 46}
    assert set(found.output.ravel().tolist()) == {-3}


def test_a_row_of_4096_equal_exponentials_is_a_mean() -> None:
    """4096 equal weights: the average of the values, to the quotient's fraction."""
    a, b = exponentials("a", (1, 4096)), tensor("b", (4096, 1))
    path = datapath({"softmax": SECTIONS["unnormalised"], "mac.accumulator_bits": 40})
    constants = {"multiplier": np.array([1 << 30], np.int32), "shift": np.array([42], np.int8)}
    call = build(MatMul(divide_by_row_sum=True), [a, b], tensor("y", (1, 1)), constants, path)
    values = codes(np.random.default_rng(5), b)
    found = agree(Case(call, (np.full((1, 4096), 65535, np.uint16), values)), plain)
    assert abs(int(found.stages["quotient"][0, 0]) / 4096 - values.astype(float).mean()) < 1 / 4096
    assert found.output[0, 0] == math.floor(values.astype(float).mean() + 0.5)


def test_without_the_attribute_nothing_changes() -> None:
    """Stages and codes of a matmul that does not divide are the requantizer's alone."""
    for case in (matmul_case(np.random.default_rng(1)), weighted_sum_case(np.random.default_rng(1))):
        assert list(agree(case).stages) == ["accumulator", "rounded"]


REFUSALS: dict[str, tuple[Change, str]] = {
    "another softmax": (through({}), "unnormalised softmax divides"),
    "other exponential bits": (
        through({"softmax": {**SECTIONS["unnormalised"], "exponential_bits": 15}}), "only exponentials",
    ),
    "a product past 63 bits": (
        lambda call: Call(
            call.step, call.op, tuple(
                spec if spec.name == "a" else tensor("b", spec.shape, zero_point=[-(1 << 20)]) for spec in call.inputs
            ), call.output, call.constants,
            datapath({"softmax": SECTIONS["unnormalised"], "mac.accumulator_bits": 48, "mac.overflow": "wrap"}),
        ), "quotient in front of its rounding",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """A datapath whose softmax divides, operands that are no exponentials of it, products past 63 bits."""
    refused(matmul().call, change, words)


def test_the_unit_refuses_sums_past_its_register() -> None:
    """n * 65535 below 2**sum_bits; reciprocal_bits above fraction_bits."""
    unit = unit_of_kind("unnormalised", sum_bits=20)
    table = np.array([65535] * 256)
    unit.check("here", Width(8, True), 16, {"table": table})
    with pytest.raises(IllFormed, match="sum of exponentials may not fit"):
        unit.check("here", Width(8, True), 17, {"table": table})
    with pytest.raises(ValidationError, match="must exceed fraction_bits"):
        unit_of_kind("unnormalised", reciprocal_bits=16, fraction_bits=16)


def test_work() -> None:
    """[2, 3, 5] by [2, 5, 4]: 6 divisions, 30 additions of row sums, two scalings for each of 24 outputs."""
    call = matmul().call
    wanted = {"requantize": 48, "add": 30, "divide": 6}
    assert call.op.work(call) == Work(
        call.op.work(matmul_case(np.random.default_rng(0), batch=(2,), m=3, k=5, n=4).call).gemm, wanted
    )
    call = weighted_sum().call
    assert dict(call.op.work(call).vector) == {"requantize": 12, "add": 10, "divide": 2}
