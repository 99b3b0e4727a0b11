"""avg_pool2d: kernel, judge and Python integers agree; the contract's refusals; work by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any, get_args

import numpy as np
import pytest
from op_agreement import Array, accumulated, agree, extremes, finished
from op_cases import avg_pool2d_case, mean_case
from op_changes import ACCUMULATOR, REQUANTIZER, Change, constant, output, per_channel, per_channel_output, refused
from op_datapaths import IOT_NPU, NARROW, ROUNDINGS, WIDE, datapath
from op_parts import Case, build, tensor

from bittrue.golden.ops import JUDGES
from bittrue.simulator.kernels import KERNELS
from bittrue.spec.arithmetic import clamp
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Work
from bittrue.spec.ops import AvgPool2d
from bittrue.spec.units.pool import DividePool, Division

EXACT = datapath({"mac.accumulator_bits": 48})
UNITS = {
    kind: datapath({"requantization.kind": kind} | ({"requantization.shift_min": 0} if kind == "shift" else {}))
    for kind in ("float32", "thresholds", "shift")
}
"""Requantizers that are no integer multiplier."""
PATHS = {"proved": IOT_NPU, "saturate8": NARROW["saturate8"], "wrap8": NARROW["wrap8"]}


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """The sums of the contract, window by window, rows first."""
    op, source = call.op, operands[0].astype(object) - call.inputs[0].zero_point[0]
    assert isinstance(op, AvgPool2d)
    _, _, height, width = source.shape

    def window(c: int, y: int, x: int) -> list[int]:
        places = (
            (y * op.stride[0] + ky - op.padding[0], x * op.stride[1] + kx - op.padding[1])
            for ky in range(op.kernel[0])
            for kx in range(op.kernel[1])
        )
        return [source[0, c, row, column] for row, column in places if 0 <= row < height and 0 <= column < width]

    accumulators = [accumulated(call.datapath.mac, window(*place)) for place in np.ndindex(call.output.shape[1:])]
    counts = [1 if op.count_include_pad else len(window(*place)) for place in np.ndindex(call.output.shape[1:])]
    ends = [finished(call, value, count - 1) for value, count in zip(accumulators, counts, strict=True)]
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
        agree(avg_pool2d_case(np.random.default_rng(seed), path), plain)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [
        ((1, 1), (1, 1), (1, 1), (0, 0)),
        ((1, 1), (3, 3), (1, 1), (1, 1)),
        ((5, 7), (2, 2), (2, 2), (0, 0)),
        ((5, 7), (3, 3), (2, 2), (1, 1)),
        ((4, 4), (4, 4), (1, 1), (2, 2)),
        ((2, 9), (1, 4), (1, 3), (0, 2)),
        ((6, 6), (1, 1), (3, 2), (0, 0)),
    ],
)
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_shapes(
    size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], path: Datapath
) -> None:
    """One pixel, odd sizes with stride 2, gaps between windows, windows that hang over every border."""
    case = avg_pool2d_case(np.random.default_rng(5), path, size=size, kernel=kernel, stride=stride, padding=padding)
    agree(case, plain)


@pytest.mark.parametrize(
    "path",
    [IOT_NPU, *NARROW.values(), *WIDE.values(), *ROUNDINGS.values(), *UNITS.values()],
    ids=["iot_npu", *NARROW, *WIDE, *ROUNDINGS, *UNITS],
)
def test_padding_that_does_not_count(path: Datapath) -> None:
    """Windows cut at the border have requantizers of their own, under each overflow rule, width and rounding."""
    shapes = [((5, 4), (3, 2), (2, 1), (1, 1)), ((3, 3), (3, 3), (1, 1), (1, 1)), ((1, 1), (3, 3), (1, 1), (1, 1))]
    shapes += [((2, 9), (1, 4), (1, 3), (0, 2)), ((4, 4), (2, 2), (2, 2), (0, 0))]
    for seed, (size, kernel, stride, padding) in enumerate(shapes):
        rng = np.random.default_rng(seed)
        case = avg_pool2d_case(
            rng, path, size=size, kernel=kernel, stride=stride, padding=padding, count_include_pad=False
        )
        for each in (case, *extremes(case, rng)):
            agree(each, plain)


def test_a_border_by_hand() -> None:
    """3x3 windows over [[4, 8], [12, 16]], zero point 4: each holds all four taps, (0 + 4 + 8 + 12) / 4 = 6. One more
    column of 4 leaves six taps in its middle: 24 / 6 = 4, and four beside it: (4 + 12 + 0 + 0) / 4 = 4."""
    shift = [30, 31, 32, 32, 33, 33, 33, 33, 34]
    multiplier = [round(Fraction(1 << s, n)) for n, s in enumerate(shift, 1)]
    constants = {"multiplier": np.array(multiplier), "shift": np.array(shift)}
    op = AvgPool2d((3, 3), (1, 1), (1, 1), count_include_pad=False)
    for rows, wanted in (
        ([[4, 8], [12, 16]], [[6, 6], [6, 6]]),
        ([[4, 8, 4], [12, 16, 4]], [[6, 4, 4], [6, 4, 4]]),
    ):
        codes = np.array([[rows]], np.int8)
        source, target = tensor("x", codes.shape, zero_point=[4]), tensor("y", codes.shape)
        found = agree(Case(build(op, [source], target, constants, IOT_NPU), (codes,)), plain)
        assert found.output[0, 0].tolist() == wanted


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (constant("multiplier", [1 << 30]), "'multiplier' has the wrong shape"),
        (constant("shift", [31] * 5), "'shift' has the wrong shape"),
        (constant("multiplier", [1 << 30] * 5 + [1 << 31]), "multiplier"),
    ],
)
def test_constants_for_each_count(change: Change, words: str) -> None:
    """One for every number of taps, six here, and each in range."""
    call = avg_pool2d_case(np.random.default_rng(9), count_include_pad=False).call
    refused(call, change, words)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_extremes(path: Datapath) -> None:
    """Every code at either end of its range."""
    rng = np.random.default_rng(6)
    for case in extremes(avg_pool2d_case(rng, path), rng):
        agree(case, plain)


@pytest.mark.parametrize("path", ROUNDINGS.values(), ids=ROUNDINGS)
def test_ties(path: Datapath) -> None:
    """Sums that are odd multiples of half an output step, of both signs."""
    sums = np.concatenate(
        [
            agree(avg_pool2d_case(np.random.default_rng(seed), path, ties=True), plain).stages["accumulator"].ravel()
            for seed in range(8)
        ]
    )
    ties = sums[sums % 4 == 2]
    assert (ties > 0).any()
    assert (ties < 0).any()


@pytest.mark.parametrize("path", [NARROW["saturate8"], NARROW["wrap8"]], ids=["saturate8", "wrap8"])
def test_overflow_happens(path: Datapath) -> None:
    """The narrow accumulator really overflows."""
    overflowed = 0
    for seed in range(6):
        case = avg_pool2d_case(np.random.default_rng(seed), path)
        exact = plain(replace(case.call, datapath=EXACT), case.operands)["accumulator"]
        assert not case.call.accumulator_proved
        overflowed += agree(case, plain).stages["accumulator"].reshape(-1).tolist() != exact
    assert overflowed


def test_by_hand() -> None:
    """Zero point 10, window 2x2 with a border: the corner holds 12 alone, (12 - 10) / 4 = 0.5 rounds up to 1; the
    middle holds 12, 10, 9, 8: (2 + 0 - 1 - 2) / 4 = -0.25 rounds to 0."""
    codes = np.array([[[[12, 10], [9, 8]]]], np.int8)
    constants = {"multiplier": np.array([1 << 30]), "shift": np.array([32])}
    source, output = tensor("x", codes.shape, zero_point=[10]), tensor("y", (1, 1, 3, 3), zero_point=[0])
    call = build(AvgPool2d((2, 2), (1, 1), (1, 1)), [source], output, constants, IOT_NPU)
    found = agree(Case(call, (codes,)), plain)
    assert found.stages["accumulator"][0, 0].tolist() == [[2, 2, 0], [1, -1, -2], [-1, -3, -2]]
    assert found.output[0, 0].tolist() == [[1, 1, 0], [0, 0, 0], [0, -1, 0]]


def test_a_window_over_the_whole_image_is_mean() -> None:
    """The same constants through `mean` give the same codes."""
    case = mean_case(np.random.default_rng(3), IOT_NPU, size=(3, 5))
    pooled = replace(case.call, op=AvgPool2d((3, 5), (1, 1)))
    assert KERNELS["avg_pool2d"](pooled, case.operands).tolist() == KERNELS["mean"](case.call, case.operands).tolist()
    assert set(JUDGES) == set(KERNELS)


REFUSALS: dict[str, tuple[Change, str]] = {
    **REQUANTIZER,
    **ACCUMULATOR,
    "input per channel": (per_channel(), "per-channel"),
    "output per channel": (per_channel_output(1), "axis 1"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Constants, widths and tensors that the contract excludes."""
    refused(avg_pool2d_case(np.random.default_rng(9)).call, change, words)


@pytest.mark.parametrize(
    ("op", "shape"),
    [
        (AvgPool2d((2, 2), (1, 1)), (3, 4, 4)),
        (AvgPool2d((0, 2), (1, 1)), (1, 3, 4, 4)),
        (AvgPool2d((2, 2), (0, 1)), (1, 3, 4, 4)),
        (AvgPool2d((2, 2), (1, 1), (-1, 0)), (1, 3, 4, 4)),
        (AvgPool2d((3, 3), (1, 1), (2, 0)), (1, 3, 4, 4)),
    ],
    ids=str,
)
def test_shapes_refused(op: AvgPool2d, shape: tuple[int, ...]) -> None:
    """Only an image can be pooled, by a window that exists and touches it."""
    with pytest.raises(IllFormed):
        op.output_shape([shape])


DIVISIONS = {mode: datapath({"avg_pool2d": {"kind": "divide", "rounding": mode}}) for mode in get_args(Division)}
RECIPROCAL = datapath({"avg_pool2d": {"kind": "reciprocal"}})


def quotient(total: int, count: int, mode: str) -> int:
    """total / count rounded as the mode's definition says."""
    exact = Fraction(total, count)
    below = math.floor(exact)
    nearest = {"half_up": below + 1, "half_away": below + (total > 0), "half_even": below + below % 2}
    if mode in ("floor", "toward_zero"):
        return below if mode == "floor" else math.trunc(exact)
    return nearest[mode] if exact - below == Fraction(1, 2) else round(exact)


def inside(call: Call, codes: Array, zero_point: int) -> list[list[int]]:
    """The taps inside the image of every window, less the zero point."""
    op, (_, _, height, width) = call.op, codes.shape
    assert isinstance(op, AvgPool2d)
    found = []
    for c, y, x in np.ndindex(call.output.shape[1:]):
        rows = [row for ky in range(op.kernel[0]) if 0 <= (row := y * op.stride[0] + ky - op.padding[0]) < height]
        columns = [col for kx in range(op.kernel[1]) if 0 <= (col := x * op.stride[1] + kx - op.padding[1]) < width]
        found.append([int(codes[0, c, row, col]) - zero_point for row in rows for col in columns])
    return found


def counted(call: Call, operands: tuple[Array, ...]) -> dict[str, list[int]]:
    """The kinds that divide by the taps inside the image."""
    unit, (low, high) = call.datapath.avg_pool2d, call.output.code_range
    raw = isinstance(unit, DividePool)
    windows = inside(call, operands[0], 0 if raw else call.inputs[0].zero_point[0])
    sums = [accumulated(call.datapath.mac, window) for window in windows]
    if isinstance(unit, DividePool):
        rounded = [quotient(total, len(window), unit.rounding) for total, window in zip(sums, windows, strict=True)]
        codes = [clamp(value, low, high) for value in rounded]
    else:
        rounded = []
        for total, window in zip(sums, windows, strict=True):
            k = math.ceil(math.log2(len(window)))
            exact = Fraction(total * ((2**30 + 1) * 2**k // len(window)), 2 ** (30 + k))
            rounded.append(math.floor(exact + Fraction(1, 2)))
        codes = [clamp(value + call.output.zero_point[0], low, high) for value in rounded]
    return {"accumulator": sums, "rounded": rounded, "output": codes}


@pytest.mark.parametrize("path", [*DIVISIONS.values(), RECIPROCAL], ids=[*DIVISIONS, "reciprocal"])
def test_division_by_the_taps_inside(path: Datapath) -> None:
    """Windows of every size and place, borders included; one pixel; random codes and codes at the ends."""
    shapes = [((5, 7), (3, 3), (2, 2), (1, 1)), ((4, 4), (4, 4), (1, 1), (2, 2)), ((2, 9), (1, 4), (1, 3), (0, 2))]
    shapes += [((1, 1), (1, 1), (1, 1), (0, 0)), ((6, 6), (2, 2), (2, 2), (0, 0)), ((9, 8), (9, 8), (1, 1), (0, 0))]
    for seed, (size, kernel, stride, padding) in enumerate(shapes * 3):
        rng = np.random.default_rng(seed)
        case = avg_pool2d_case(rng, path, size=size, kernel=kernel, stride=stride, padding=padding)
        assert case.call.op.roles_on(path) == ()
        for each in (case, *extremes(case, rng)):
            agree(each, counted)


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("half_up", [3, -2]),
        ("half_away", [3, -3]),
        ("half_even", [2, -2]),
        ("floor", [2, -3]),
        ("toward_zero", [2, -2]),
    ],
)
def test_ties_of_raw_codes(mode: str, wanted: list[int]) -> None:
    """5 / 2 and -5 / 2: raw codes decide, whatever the zero point is."""
    codes = np.array([[[[2, 3, -2, -3]]]], np.int8)
    spec = tensor("x", codes.shape, zero_point=[100])
    call = build(AvgPool2d((1, 2), (1, 2)), [spec], tensor("y", (1, 1, 1, 2), zero_point=[100]), {}, DIVISIONS[mode])
    assert agree(Case(call, (codes,)), counted).output.reshape(-1).tolist() == wanted


def test_reciprocal_ties() -> None:
    """The reciprocal lies a little above 1/n, so that 1/2 goes to 1 and -1/2 to -1."""
    codes = np.array([[[[10, 11, 10, 9]]]], np.int8)
    spec = tensor("x", codes.shape, zero_point=[10])
    call = build(AvgPool2d((1, 2), (1, 2)), [spec], tensor("y", (1, 1, 1, 2), zero_point=[-7]), {}, RECIPROCAL)
    assert agree(Case(call, (codes,)), counted).stages["rounded"].reshape(-1).tolist() == [1, -1]


@pytest.mark.parametrize("path", [DIVISIONS["half_away"], RECIPROCAL], ids=["divide", "reciprocal"])
def test_padding_that_counts_is_refused(path: Datapath) -> None:
    """Units that count the taps themselves know no other divisor."""
    call = avg_pool2d_case(np.random.default_rng(1), path).call
    refused(call, lambda it: replace(it, op=replace(it.op, count_include_pad=True)), "the padding counts here")


def test_another_zero_point_is_refused() -> None:
    """A unit that sums raw codes converts none."""
    call = avg_pool2d_case(np.random.default_rng(1), DIVISIONS["half_away"]).call
    refused(call, output(replace(call.output, zero_point=(call.output.zero_point[0] + 1,))), "different zero points")


@pytest.mark.parametrize("path", [DIVISIONS["half_away"], RECIPROCAL], ids=["divide", "reciprocal"])
@pytest.mark.parametrize(
    ("change", "words"),
    [(per_channel(), "per-channel"), (per_channel_output(1), "axis 1"), (ACCUMULATOR["accumulator too narrow"])],
)
def test_refusals_of_every_unit(path: Datapath, change: Change, words: str) -> None:
    """One scale each, and an accumulator that holds the sum."""
    refused(avg_pool2d_case(np.random.default_rng(9), path).call, change, words)


def test_work() -> None:
    """2 channels of 3x5 windows of 6 taps: 180 additions, 30 outputs, no MAC."""
    call = avg_pool2d_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(None, {"add": 180, "requantize": 30})
    divided = replace(call, datapath=DIVISIONS["floor"])
    assert call.op.work(divided) == Work(None, {"add": 180, "divide": 30})
