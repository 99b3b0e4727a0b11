"""mean: kernel, judge and Python integers agree; the contract's refusals; work by hand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from op_agreement import Array, accumulated, agree, extremes, finished
from op_cases import mean_case
from op_changes import ACCUMULATOR, REQUANTIZER, Change, constant, per_channel, per_channel_output, refused
from op_datapaths import IOT_NPU, NARROW, ROUNDINGS, WIDE, datapath
from op_parts import Case, build, tensor
from plain_units import float32, float32_of, saturated, within

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Work
from bittrue.spec.ops import Mean

EXACT = datapath({"mac.accumulator_bits": 48})


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """The sums of the contract, row by row."""
    planes = (operands[0].astype(object) - call.inputs[0].zero_point[0])[0]
    accumulators = [accumulated(call.datapath.mac, plane.reshape(-1)) for plane in planes]
    ends = [finished(call, value) for value in accumulators]
    return {
        "accumulator": accumulators,
        "rounded": [before for before, _ in ends],
        "output": [code for _, code in ends],
    }


@pytest.mark.parametrize(
    "path",
    [IOT_NPU, *NARROW.values(), *WIDE.values(), *ROUNDINGS.values()],
    ids=["iot_npu", *NARROW, *WIDE, *ROUNDINGS],
)
def test_every_datapath(path: Datapath) -> None:
    """Exact agreement under each overflow rule, width and rounding."""
    for seed in range(6):
        agree(mean_case(np.random.default_rng(seed), path), plain)


@pytest.mark.parametrize(("channels", "size"), [(1, (1, 1)), (5, (1, 1)), (1, (1, 9)), (2, (9, 1)), (2, (8, 8))])
@pytest.mark.parametrize("path", [IOT_NPU, NARROW["saturate8"], NARROW["wrap8"]], ids=["proved", "saturate8", "wrap8"])
def test_shapes(channels: int, size: tuple[int, int], path: Datapath) -> None:
    """One pixel, one row, one column, one channel."""
    agree(mean_case(np.random.default_rng(5), path, channels=channels, size=size), plain)


@pytest.mark.parametrize("path", [IOT_NPU, NARROW["saturate8"], NARROW["wrap8"]], ids=["proved", "saturate8", "wrap8"])
def test_extremes(path: Datapath) -> None:
    """Every code at either end of its range."""
    rng = np.random.default_rng(6)
    for case in extremes(mean_case(rng, path), rng):
        agree(case, plain)


@pytest.mark.parametrize("path", ROUNDINGS.values(), ids=ROUNDINGS)
def test_ties(path: Datapath) -> None:
    """Sums that are odd multiples of half an output step, of both signs."""
    sums = np.concatenate(
        [
            agree(mean_case(np.random.default_rng(seed), path, size=(2, 3), ties=True), plain).stages["accumulator"]
            for seed in range(12)
        ]
    )
    ties = sums[sums % 4 == 2]
    assert (ties > 0).any()
    assert (ties < 0).any()


@pytest.mark.parametrize("path", [NARROW["saturate8"], NARROW["wrap8"]], ids=["saturate8", "wrap8"])
def test_overflow_happens(path: Datapath) -> None:
    """The narrow accumulator really overflows."""
    case = mean_case(np.random.default_rng(1), path)
    exact = plain(replace(case.call, datapath=EXACT), case.operands)["accumulator"]
    assert not case.call.accumulator_proved
    assert agree(case, plain).stages["accumulator"].reshape(-1).tolist() != exact


def by_hand(plane: list[list[int]], path: Datapath) -> Case:
    """Zero point 10 in, -1 out; multiplier 2**30, shift 32 (a quarter)."""
    codes = np.array([[plane]], np.int8)
    constants = {"multiplier": np.array([1 << 30]), "shift": np.array([32])}
    call = build(
        Mean(), [tensor("x", codes.shape, zero_point=[10])], tensor("y", (1, 1, 1, 1), zero_point=[-1]), constants, path
    )
    return Case(call, (codes,))


def test_by_hand() -> None:
    """(11 + 12 + 13 + 14 - 40) / 4 = 10/4 = 2.5 rounds up to 3; 3 - 1 = 2."""
    found = agree(by_hand([[11, 12], [13, 14]], IOT_NPU), plain)
    assert (found.stages["accumulator"].item(), found.stages["rounded"].item(), found.output.item()) == (10, 3, 2)


@pytest.mark.parametrize(("overflow", "wanted"), [("saturate", 37), ("wrap", 60)])
def test_rows_come_first(overflow: str, wanted: int) -> None:
    """80 + 70 - 100 + 10 in an 8-bit register: 80, 127, 27, 37 row by row, where columns would give 80, -20, 50, 60."""
    path = datapath({"mac.accumulator_bits": 8, "mac.overflow": overflow})
    found = agree(by_hand([[90, 80], [-90, 20]], path), plain)
    assert found.stages["accumulator"].item() == wanted


REFUSALS: dict[str, tuple[Change, str]] = {
    **REQUANTIZER,
    **ACCUMULATOR,
    "input per channel": (per_channel(), "per-channel"),
    "output per channel": (per_channel_output(1), "axis 1"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Constants, widths and tensors that the contract excludes."""
    refused(mean_case(np.random.default_rng(9)).call, change, words)


@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 3, 4), (1, 3, 4, 4, 1)])
def test_shapes_refused(shape: tuple[int, ...]) -> None:
    """Only [1, C, H, W] has two last axes to average."""
    with pytest.raises(IllFormed):
        Mean().output_shape([shape])


FLOAT = datapath({"mean": {"kind": "float32"}})


def scaled(call: Call, total: int, count: int) -> dict[str, int]:
    """One sum of raw codes through the float32 mean, on fractions."""
    scale = float32_of(int(call.constants["scale"][0]))
    offset = float32(float32(Fraction(call.inputs[0].zero_point[0] * count)) * scale)
    bias = float32(call.output.zero_point[0] - offset)
    real = float32(float32(float32(Fraction(total)) * scale) + bias)
    rounded = saturated(round(real), 32)
    return {"accumulator": total, "rounded": rounded, "output": within(rounded, *call.output.code_range)}


def plain_float32(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """Every channel's plane."""
    planes = operands[0].astype(int).reshape(call.output.shape[1], -1)
    rows = [scaled(call, int(plane.sum()), plane.size) for plane in planes]
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("ties", [False, True])
def test_float32(ties: bool) -> None:
    """Raw codes, zero points inside a float32 bias, one rounding of each float32 operation."""
    for seed in range(30):
        case = mean_case(np.random.default_rng(seed), FLOAT, size=(seed % 6 + 1, 7), ties=ties)
        assert case.call.op.roles_on(FLOAT) == ("scale",)
        agree(case, plain_float32)


FLOAT_REFUSALS: dict[str, tuple[Change, str]] = {
    "scale of 0": (constant("scale", [0]), "float32 scale of a mean"),
    "negative scale": (constant("scale", [-1]), "float32 scale of a mean"),
    "infinite scale": (constant("scale", [0x7F800000]), "float32 scale of a mean"),
    "a scale a channel": (constant("scale", [1 << 29] * 3), "'scale' has the wrong shape"),
    "input per channel": (per_channel(), "per-channel"),
    "output per channel": (per_channel_output(1), "axis 1"),
}


@pytest.mark.parametrize(("change", "words"), FLOAT_REFUSALS.values(), ids=FLOAT_REFUSALS)
def test_float32_refusals(change: Change, words: str) -> None:
    """One positive normal scale."""
    refused(mean_case(np.random.default_rng(9), FLOAT).call, change, words)


def test_work() -> None:
    """3 channels of 15 codes: 45 additions, 3 outputs, no MAC."""
    call = mean_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(None, {"add": 45, "requantize": 3})
