"""layer_norm: kernel, judge and Python integers agree; the contract's refusals; work by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from normalization_plain import STATISTICS, normalized_row, scaled
from op_agreement import Array, agree, extremes, with_operands
from op_cases import layer_norm_case
from op_changes import Change, constant, output, per_channel, refused, source, through
from op_datapaths import IOT_NPU, ROUNDINGS, WIDE, datapath
from op_parts import Case, build, tensor, with_axis
from plan_agreement import planned

from bittrue.spec.datapath import Datapath
from bittrue.spec.op import Call, Work
from bittrue.spec.ops import LayerNorm

UNITS = {
    "8 fraction bits": datapath({"norm.fraction_bits": 8, "norm.multiplier_bits": 8}),
    "24 fraction bits": datapath({"norm.fraction_bits": 24, "norm.multiplier_bits": 24}),
    "40-bit variance": datapath({"norm.variance_bits": 40}),
    "variance just wide enough": datapath({"norm.variance_bits": 22}),
}


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """Row by row."""
    rows = [normalized_row(call, row) for row in operands[0].reshape(-1, call.output.shape[-1]).tolist()]
    stages: dict[str, Any] = {name: [row[name] for row in rows] for name in (*STATISTICS, "normalized")}
    stages["output"] = [[scaled(call, u, c) for c, u in enumerate(row["normalized"])] for row in rows]
    return stages


@pytest.mark.parametrize(
    "path", [IOT_NPU, *UNITS.values(), *WIDE.values(), *ROUNDINGS.values()], ids=["iot_npu", *UNITS, *WIDE, *ROUNDINGS]
)
def test_every_datapath(path: Datapath) -> None:
    """Exact agreement for each width and rounding."""
    for seed in range(6):
        agree(layer_norm_case(np.random.default_rng(seed), path), plain)


@pytest.mark.parametrize(
    ("rows", "channels"), [((), 5), ((1,), 1), ((3,), 2), ((2, 1, 2), 3), ((2,), 144), ((1,), 640)], ids=str
)
def test_shapes(rows: tuple[int, ...], channels: int) -> None:
    """Rows of one code and of the widths of MobileViT."""
    agree(layer_norm_case(np.random.default_rng(5), rows=rows, channels=channels), plain)


@pytest.mark.parametrize("bits", [4, 12, 16])
def test_widths(bits: int) -> None:
    """A wider residual stream: 12 and 16 bits in."""
    path = datapath({"norm.sum_of_squares_bits": 48})
    agree(layer_norm_case(np.random.default_rng(bits), path, rows=(4,), channels=24, bits=bits), plain)


def test_extremes() -> None:
    """Every code at either end, and mixtures of both: the largest variance there is."""
    rng = np.random.default_rng(6)
    case = layer_norm_case(rng)
    for changed in extremes(case, rng):
        agree(changed, plain)
    found = agree(with_operands(case, np.array([-128, 127] * 3)), plain)
    assert set((found.stages["variance"] - case.call.constants["epsilon"]).reshape(-1).tolist()) == {9 * 255 * 255}


def test_zero_variance() -> None:
    """A constant row has V = e and normalizes to zeros: the output is beta."""
    case = layer_norm_case(np.random.default_rng(7))
    for code in (-128, -1, 0, 127):
        found = agree(with_operands(case, np.array(code)), plain)
        assert (found.stages["normalized"] == 0).all()
        assert (found.stages["variance"] == case.call.constants["epsilon"]).all()


@pytest.mark.parametrize("channels", [2, 64, 640])
def test_one_outlier(channels: int) -> None:
    """One code at one end, the others at the other end: the normalized value comes close to sqrt(n - 1)."""
    case = layer_norm_case(np.random.default_rng(8), channels=channels, rows=(2,))
    rows = np.full((2, channels), -128)
    rows[0, 0], rows[1, -1] = 127, 127
    found = agree(with_operands(case, rows), plain)
    largest = int(found.stages["normalized"].max())
    assert abs(largest - math.sqrt(channels - 1) * 2**16) < 2**16 // 100


def by_hand() -> Case:
    """Four channels, epsilon 5, gamma 16384 (a fourth of 2**16), beta 2**31, shift 30."""
    spec = tensor("x", (1, 4), zero_point=[-9])
    constants = {
        "epsilon": np.array([5]),
        "pre_shift": np.array([0]),
        "root_shift": np.array([22]),
        "reciprocal_bits": np.array([62]),
        "multiplier": np.array([1 << 14]),
        "bias": np.array([1 << 31]),
        "shift": np.array([30]),
    }
    call = build(LayerNorm(), [spec], tensor("y", (1, 4), zero_point=[3]), constants, IOT_NPU)
    return Case(call, (np.array([[1, 2, 3, 6]], np.int8),))


def test_by_hand() -> None:
    """S1 = 12, S2 = 50, V = 4*50 - 144 + 5 = 61.

    The largest V is 4*4*255*255/4 + 5 = 260105, 18 bits, so k = (62 - 18)/2 = 22; isqrt(3) = 1 has 1 bit, so
    p = min(62, 62 + 22 - 2) = 62. R = floor(sqrt(61) * 2**22) = 32758561, r = floor(2**62 / R).
    n*q - S1 = -8, -4, 0, 12; over sqrt(61): -1.0243, -0.5121, 0, 1.5364; times 2**16: -67128, -33564, 0, 100692.
    Output: u * 2**14 / 2**30 + 2 = -1.02 + 2, -0.51 + 2, 2, 1.54 + 2 -> 1, 1, 2, 4; plus 3.
    """
    found = agree(by_hand(), plain)
    root = math.isqrt(61 << 44)
    assert {name: found.stages[name].item() for name in STATISTICS} == {
        "sum": 12,
        "sum_of_squares": 50,
        "variance": 61,
        "root": root,
        "reciprocal": (1 << 62) // root,
    }
    assert root == 32758561
    assert found.stages["normalized"].tolist() == [[-67128, -33564, 0, 100692]]
    assert found.output.tolist() == [[4, 4, 5, 7]]


SHAPE = (1, 3, 6)
REFUSALS: dict[str, tuple[Change, str]] = {
    "epsilon 0": (constant("epsilon", [0]), "epsilon"),
    "two epsilons": (constant("epsilon", [1, 1]), "epsilon"),
    "gamma of another length": (constant("multiplier", [1] * 5), "'multiplier' has the wrong shape"),
    "beta of another length": (constant("bias", [1] * 5), "'bias' has the wrong shape"),
    "shift of another length": (constant("shift", [9] * 5), "'shift' has the wrong shape"),
    "shift 0": (constant("shift", [0]), "shift"),
    "shift 63": (constant("shift", [63]), "shift"),
    "sum too wide": (through({"norm.sum_bits": 10}), "sum of a row needs more bits"),
    "sum of squares too wide": (through({"norm.sum_of_squares_bits": 17}), "sum of squares of a row needs more bits"),
    "variance too wide": (through({"norm.variance_bits": 16}), "variance of a row does not fit"),
    "root_shift another": (constant("root_shift", [1]), "root_shift and reciprocal_bits"),
    "two root_shifts": (constant("root_shift", [20, 20]), "root_shift and reciprocal_bits"),
    "reciprocal_bits another": (constant("reciprocal_bits", [40]), "root_shift and reciprocal_bits"),
    "pre_shift another": (constant("pre_shift", [1]), "pre_shift"),
    "k of another epsilon": (constant("epsilon", [1 << 40]), "root_shift and reciprocal_bits"),
    "gamma too wide": (constant("multiplier", [-(1 << 16)]), "gamma"),
    "beta past 63 bits": (constant("bias", [(1 << 63) - 1]), "scaled normalized value"),
    "codes past 63 bits": (source(tensor("x", SHAPE, bits=32)), "bits"),
    "input per channel": (per_channel(0, 2), "per-channel"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Constants, attributes and widths that the contract excludes."""
    refused(layer_norm_case(np.random.default_rng(9)).call, change, words)


def test_an_output_scale_a_channel() -> None:
    """Gamma and beta hold the scales: with one zero point the codes are those of an output with one scale."""
    for seed in range(3):
        case = layer_norm_case(np.random.default_rng(seed))
        call = case.call
        target = with_axis(call.output, 2)
        changed = Case(build(call.op, call.inputs, target, dict(call.constants), call.datapath), case.operands)
        assert np.array_equal(agree(changed, plain).output, agree(case, plain).output)
        plain_steps = [planned(each, keep_all=False)[1].plain for each in (case, changed)]
        assert ("y" in plain_steps[0]) == ("y" in plain_steps[1])
    points = range(target.shape[2])
    refused(call, output(with_axis(call.output, 2, points)), "zero points differ between channels")


def test_output_axis() -> None:
    """The output's scales vary along the last axis or not at all."""
    changed = output(tensor("y", SHAPE, zero_point=(1, 2, 3), axis=1))
    refused(layer_norm_case(np.random.default_rng(9)).call, changed, "axis")


def test_work() -> None:
    """3 rows of 6: two products, three additions, two roundings an element; a root and a division a row."""
    call = layer_norm_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(None, {"multiply": 36, "add": 54, "requantize": 36, "root": 3, "divide": 3})
