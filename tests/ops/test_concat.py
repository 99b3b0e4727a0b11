"""concat: kernel, judge and Python integers agree; the contract's refusals; work by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from op_agreement import Array, agree, extremes
from op_cases import concat_case
from op_changes import Change, constant, per_channel, per_channel_output, refused, source, through
from op_datapaths import IOT_NPU, ROUNDINGS, WIDE
from op_parts import Case, build, tensor

from bittrue.spec.arithmetic import requantize
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Work
from bittrue.spec.ops import Concat


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """Each part requantized by its own pair."""
    op, (zero_point,), (low, high) = call.op, call.output.zero_point, call.output.code_range
    assert isinstance(op, Concat)
    parts = []
    for codes, spec, multiplier, shift in zip(
        operands, call.inputs, call.constants["multiplier"], call.constants["shift"], strict=True
    ):
        flat = [
            requantize(
                q - spec.zero_point[0],
                int(multiplier),
                int(shift),
                zero_point,
                low,
                high,
                call.rounding,
                call.second_rounding,
                call.datapath.requantization.first_shift,
            )
            for q in codes.reshape(-1).tolist()
        ]
        parts.append(np.array(flat).reshape(spec.shape))
    return {"output": np.concatenate(parts, axis=op.axis)}


@pytest.mark.parametrize("path", [IOT_NPU, *WIDE.values(), *ROUNDINGS.values()], ids=["iot_npu", *WIDE, *ROUNDINGS])
def test_every_datapath(path: Datapath) -> None:
    """Exact agreement under each rounding and multiplier width."""
    for seed in range(6):
        agree(concat_case(np.random.default_rng(seed), path), plain)


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
@pytest.mark.parametrize("parts", [(1,), (1, 1), (3, 1, 2, 1)])
def test_axes(axis: int, parts: tuple[int, ...]) -> None:
    """Any axis, one input or several."""
    agree(concat_case(np.random.default_rng(5), axis=axis, parts=parts), plain)


def test_extremes() -> None:
    """Every operand at either end of its range."""
    rng = np.random.default_rng(6)
    for case in extremes(concat_case(rng), rng):
        agree(case, plain)


@pytest.mark.parametrize("path", ROUNDINGS.values(), ids=ROUNDINGS)
def test_ties(path: Datapath) -> None:
    """Codes that are odd multiples of half an output step: a quarter of all at shift + 1."""
    case = concat_case(np.random.default_rng(4), path, parts=(20, 20), ties=True)
    agree(case, plain)
    differences = np.concatenate(
        [
            (codes.astype(int) - spec.zero_point[0]).reshape(-1)
            for codes, spec in zip(case.operands, case.call.inputs, strict=True)
        ]
    )
    ties = differences[differences % 4 == 2]
    assert (ties > 0).any()
    assert (ties < 0).any()


def test_an_equal_input_passes_unchanged() -> None:
    """Multiplier 2**30, shift 30, the output's zero point: every code of 8 bits is itself."""
    spec = tensor("x", (256,), zero_point=[17])
    constants = {"multiplier": np.array([1 << 30, 1 << 30]), "shift": np.array([30, 30])}
    call = build(Concat(0), [spec, spec], tensor("y", (512,), zero_point=[17]), constants, IOT_NPU)
    codes = np.arange(-128, 128).astype(np.int8)
    assert agree(Case(call, (codes, codes[::-1].copy())), plain).output.tolist() == [
        *range(-128, 128),
        *range(127, -129, -1),
    ]


def test_by_hand() -> None:
    """(9 - 4)/2 = 2.5 -> 3 + 1 = 4; (-100 - 20) * 2 = -240 + 1 saturates at -128."""
    spec = [tensor("a", (1,), zero_point=[4]), tensor("b", (1,), zero_point=[20])]
    constants = {"multiplier": np.array([1 << 30, 1 << 30]), "shift": np.array([31, 29])}
    call = build(Concat(0), spec, tensor("y", (2,), zero_point=[1]), constants, IOT_NPU)
    assert agree(Case(call, (np.array([9], np.int8), np.array([-100], np.int8))), plain).output.tolist() == [4, -128]


def past_63_bits(call: Call) -> Call:
    """32-bit codes, a far zero point, the largest multiplier."""
    wide = source(tensor("x1", (1, 1, 2, 3), bits=32, signed=False, zero_point=[-(1 << 30)]), 1)(call)
    return constant("multiplier", [(1 << 31) - 1] * 3)(wide)


REFUSALS: dict[str, tuple[Change, str]] = {
    "one multiplier for all": (constant("multiplier", [1 << 30]), "for each input"),
    "one shift for all": (constant("shift", [31]), "for each input"),
    "multiplier too small": (constant("multiplier", [1 << 30, 1 << 29, 1 << 30]), "multiplier"),
    "multiplier too large": (constant("multiplier", [1 << 30, 1 << 30, 1 << 31]), "multiplier"),
    "shift 0": (constant("shift", [31, 0, 31]), "shift"),
    "shift 63": (constant("shift", [31, 31, 63]), "shift"),
    "shift past the datapath's": (through({"requantization.shift_max": 1}), "shift"),
    "input past 63 bits": (past_63_bits, "scaled input may not fit 63 bits"),
    "an input per channel": (per_channel(2), "per-channel"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Constants, widths and tensors that the contract excludes."""
    refused(concat_case(np.random.default_rng(9), ties=True).call, change, words)


def test_output_per_channel() -> None:
    """Concat has one output zero point."""
    refused(concat_case(np.random.default_rng(4)).call, per_channel_output(1), "axis 1")


@pytest.mark.parametrize(
    ("axis", "shapes"), [(2, [(2, 3), (2, 3)]), (-1, [(2, 3), (2, 3)]), (0, [(2, 3), (2, 4)]), (1, [(2, 3), (2, 3, 1)])]
)
def test_shapes_refused(axis: int, shapes: list[tuple[int, ...]]) -> None:
    """An axis that does not exist; inputs that differ outside it."""
    with pytest.raises(IllFormed):
        Concat(axis).output_shape(shapes)


def test_work() -> None:
    """6 channels of 6 codes: 36 requantizations."""
    call = concat_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(None, {"requantize": 36})
