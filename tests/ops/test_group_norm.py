"""group_norm: kernel, judge and Python integers agree; the contract's refusals; work by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from normalization_plain import STATISTICS, normalized_row, scaled
from op_agreement import Array, agree, extremes, with_operands
from op_cases import group_norm_case
from op_changes import Change, constant, output, per_channel, refused, through
from op_datapaths import IOT_NPU, ROUNDINGS, WIDE, datapath
from op_parts import Case, build, tensor, with_axis
from plan_agreement import planned

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Work
from bittrue.spec.ops import GroupNorm

UNITS = {
    "8 fraction bits": datapath({"norm.fraction_bits": 8, "norm.multiplier_bits": 8}),
    "24 fraction bits": datapath({"norm.fraction_bits": 24, "norm.multiplier_bits": 24}),
    "40-bit variance": datapath({"norm.variance_bits": 40}),
}


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """Group by group; an element's channel is its index on axis 1."""
    op, (_, channels, *_) = call.op, call.output.shape
    assert isinstance(op, GroupNorm)
    groups = [normalized_row(call, row) for row in operands[0].reshape(op.groups, -1).tolist()]
    stages: dict[str, Any] = {name: [group[name] for group in groups] for name in (*STATISTICS, "normalized")}
    by_channel = np.array(stages["normalized"], dtype=object).reshape(channels, -1)
    stages["output"] = [[scaled(call, u, c) for u in by_channel[c]] for c in range(channels)]
    return stages


@pytest.mark.parametrize(
    "path", [IOT_NPU, *UNITS.values(), *WIDE.values(), *ROUNDINGS.values()], ids=["iot_npu", *UNITS, *WIDE, *ROUNDINGS]
)
def test_every_datapath(path: Datapath) -> None:
    """Exact agreement for each width and rounding; statistics have shape [1, groups]."""
    for seed in range(4):
        found = agree(group_norm_case(np.random.default_rng(seed), path), plain)
        assert {found.stages[name].shape for name in STATISTICS} == {(1, 2)}


@pytest.mark.parametrize(
    ("shape", "groups"),
    [((1, 1), 1), ((1, 6), 2), ((1, 3, 1, 1), 3), ((1, 4, 5), 4), ((1, 4, 2, 2, 2), 2), ((1, 12, 5, 7), 1)],
    ids=str,
)
def test_shapes(shape: tuple[int, ...], groups: int) -> None:
    """Any rank from 2; one group for all channels, or one a channel."""
    agree(group_norm_case(np.random.default_rng(5), shape=shape, groups=groups), plain)


def test_extremes() -> None:
    """Every code at either end, and mixtures of both."""
    rng = np.random.default_rng(6)
    for case in extremes(group_norm_case(rng), rng):
        agree(case, plain)


def test_zero_variance_in_one_group() -> None:
    """A constant group normalizes to zeros beside one that does not."""
    case = group_norm_case(np.random.default_rng(7))
    codes = case.operands[0].copy()
    codes[:, :2] = -77
    found = agree(with_operands(case, codes), plain)
    assert (found.stages["normalized"][:, :2] == 0).all()
    assert (found.stages["normalized"][:, 2:] != 0).any()


def test_one_outlier() -> None:
    """One code at the top of 300: its normalized value comes close to sqrt(299)."""
    case = group_norm_case(np.random.default_rng(8), shape=(1, 3, 10, 10), groups=1)
    codes = np.full((1, 3, 10, 10), -128)
    codes[0, 1, 4, 9] = 127
    found = agree(with_operands(case, codes), plain)
    assert abs(int(found.stages["normalized"].max()) - math.sqrt(299) * 2**16) < 2**16 // 100


@pytest.mark.parametrize("bits", [12, 16])
def test_wide_codes(bits: int) -> None:
    """16-bit codes over a whole map: the statistics leave room for a smaller root shift."""
    path = datapath({"norm.sum_of_squares_bits": 48})
    agree(group_norm_case(np.random.default_rng(bits), path, shape=(1, 4, 8, 8), groups=1, bits=bits), plain)


def test_by_hand() -> None:
    """Two channels of two codes in one group; gamma 2**15 and -2**15, beta 0, shift 29, zero point 10.

    q = 0, 4, 4, 8: S1 = 16, S2 = 96, V = 4*96 - 256 + 1 = 129. n*q - S1 = -16, 0, 0, 16; over sqrt(129) = 11.3578
    that is -1.40872, 0, 0, 1.40872, times 2**16: -92322, 0, 0, 92322. Times gamma / 2**29: -5.63, 0 in channel 0
    and 0, -5.63 in channel 1: -6, 0 and 0, -6.
    """
    spec = tensor("x", (1, 2, 2))
    constants = {
        "epsilon": np.array([1]),
        "pre_shift": np.array([0]),
        "root_shift": np.array([22]),
        "reciprocal_bits": np.array([62]),
        "multiplier": np.array([1 << 15, -(1 << 15)]),
        "bias": np.array([0]),
        "shift": np.array([29]),
    }
    call = build(GroupNorm(1), [spec], tensor("y", (1, 2, 2), zero_point=[10]), constants, IOT_NPU)
    found = agree(Case(call, (np.array([[[0, 4], [4, 8]]], np.int8),)), plain)
    assert (found.stages["sum"].item(), found.stages["sum_of_squares"].item(), found.stages["variance"].item()) == (
        16,
        96,
        129,
    )
    assert found.stages["normalized"].tolist() == [[[-92322, 0], [0, 92322]]]
    assert found.output.tolist() == [[[4, 10], [10, 4]]]


SHAPE = (1, 4, 3, 2)
REFUSALS: dict[str, tuple[Change, str]] = {
    "epsilon 0": (constant("epsilon", [0]), "epsilon"),
    "gamma of another length": (constant("multiplier", [1, 1]), "'multiplier' has the wrong shape"),
    "beta of another length": (constant("bias", [1, 1]), "'bias' has the wrong shape"),
    "shift of another length": (constant("shift", [9, 9]), "'shift' has the wrong shape"),
    "shift 63": (constant("shift", [63]), "shift"),
    "sum too wide": (through({"norm.sum_bits": 11}), "sum of a row needs more bits"),
    "sum of squares too wide": (through({"norm.sum_of_squares_bits": 18}), "sum of squares of a row needs more bits"),
    "variance too wide": (through({"norm.variance_bits": 16}), "variance of a row does not fit"),
    "k and p of another variance width": (through({"norm.variance_bits": 40}), "root_shift and reciprocal_bits"),
    "gamma too wide": (constant("multiplier", [1 << 16]), "gamma"),
    "beta past 63 bits": (constant("bias", [-(1 << 63) + 1]), "scaled normalized value"),
    "input per channel": (per_channel(0, 1), "per-channel"),
    "output zero points for no channel": (output(tensor("y", SHAPE, zero_point=(1, 2, 3), axis=2)), "axis"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Constants, attributes and widths that the contract excludes."""
    refused(group_norm_case(np.random.default_rng(9)).call, change, words)


def test_an_output_scale_a_channel() -> None:
    """Gamma and beta hold the scales: with one zero point the codes are those of an output with one scale."""
    for seed in range(3):
        case = group_norm_case(np.random.default_rng(seed), groups=1 + seed % 2)
        call = case.call
        target = with_axis(call.output, 1)
        changed = Case(build(call.op, call.inputs, target, dict(call.constants), call.datapath), case.operands)
        assert np.array_equal(agree(changed, plain).output, agree(case, plain).output)
        plain_steps = [planned(each, keep_all=False)[1].plain for each in (case, changed)]
        assert ("y" in plain_steps[0]) == ("y" in plain_steps[1])
    points = range(target.shape[1])
    refused(call, output(with_axis(call.output, 1, points)), "zero points differ between channels")


@pytest.mark.parametrize(("shape", "groups"), [((4,), 1), ((2, 4, 3), 1), ((1, 4, 3), 3), ((1, 4, 3), 0)])
def test_shapes_refused(shape: tuple[int, ...], groups: int) -> None:
    """One image, at least a channel axis, groups that divide the channels."""
    with pytest.raises(IllFormed, match="group_norm takes"):
        GroupNorm(groups).output_shape([shape])


def test_work() -> None:
    """24 elements in 2 groups: 2 products, 3 additions, 2 roundings an element; a root and a division a group."""
    call = group_norm_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(None, {"multiply": 48, "add": 72, "requantize": 48, "root": 2, "divide": 2})
