"""conv2d: kernel, judge and Python integers agree; the contract's refusals; work by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from op_agreement import Array, agree, element, extremes, finished, with_operands
from op_cases import conv2d_case
from op_changes import (
    ACCUMULATOR,
    REQUANTIZER,
    Change,
    constant,
    per_channel,
    per_channel_output,
    refused,
    source,
    through,
)
from op_datapaths import EVERY, IOT_NPU, NARROW, ORDERS, ROUNDINGS, SUBTRACTED, datapath
from op_parts import Case, build, tensor
from plain_units import finished_sum, leaving, register_code, taps
from plan_agreement import planned

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Gemm, Work
from bittrue.spec.ops import Conv2d

EXACT = datapath({"mac.accumulator_bits": 48})
SHAPES = {
    "stride 2, odd sizes": {"size": (5, 7)},
    "1x1": {"kernel": (1, 1), "stride": (1, 1), "padding": (0, 0)},
    "K = 1": {"in_channels": 1, "kernel": (1, 1), "stride": (1, 1), "padding": (0, 0)},
    "one pixel": {"size": (1, 1), "stride": (1, 1)},
    "depthwise": {"out_channels": 4, "groups": 4},
    "depthwise, two outputs a channel": {"out_channels": 8, "groups": 4, "stride": (1, 1)},
    "two groups": {"out_channels": 6, "groups": 2},
    "nothing square": {"size": (4, 6), "kernel": (2, 3), "stride": (1, 2), "padding": (0, 2)},
    "only padding at the rim": {"kernel": (1, 1), "stride": (1, 1), "padding": (1, 1)},
    "kernel larger than the image": {
        "size": (2, 2),
        "kernel": (5, 5),
        "stride": (1, 1),
        "padding": (2, 2),
        "in_channels": 2,
    },
    "stride past the kernel": {"size": (7, 7), "kernel": (2, 2), "stride": (3, 3), "padding": (0, 0)},
    "more than 16 rows": {"out_channels": 19, "in_channels": 1, "kernel": (3, 3)},
}


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """The sums of the contract, tap by tap in the datapath's order."""
    op, spec, mac = call.op, call.inputs[0], call.datapath.mac
    assert isinstance(op, Conv2d)
    image, weight = operands[0][0].tolist(), call.constants["weight"].tolist()
    _, channels, height, width = spec.shape
    count = channels // op.groups
    tiles = taps(mac, count, op.kernel)

    def term(o: int, y: int, x: int, at: dict[str, int]) -> int:
        channel = o // (op.out_channels // op.groups) * count + at["c"]
        row, column = y * op.stride[0] + at["ky"] - op.padding[0], x * op.stride[1] + at["kx"] - op.padding[1]
        inside = 0 <= row < height and 0 <= column < width
        point = element(spec.zero_point, channel)
        code = image[channel][row][column] if inside else point
        code = code - point if mac.zero_point == "subtracted" else register_code(mac, code, spec.bits)
        return int(code * register_code(mac, weight[o][at["c"]][at["ky"]][at["kx"]], mac.weight_bits_max))

    accumulators, rounded, codes = [], [], []
    for o, y, x in product(*map(range, call.output.shape[1:])):
        terms = [[term(o, y, x, at) for at in tile] for tile in tiles]
        accumulators.append(leaving(mac, finished_sum(mac, terms, element(call.constants["bias"], o))))
        before, code = finished(call, accumulators[-1], o)
        rounded.append(before)
        codes.append(code)
    return {"accumulator": accumulators, "rounded": rounded, "output": codes}


@pytest.mark.parametrize("path", EVERY.values(), ids=EVERY)
def test_every_datapath(path: Datapath) -> None:
    """Exact agreement under each rule of the MAC and of the requantizer."""
    for seed, groups in ((1, 1), (2, 1), (3, 2)):
        agree(conv2d_case(np.random.default_rng(seed), path, groups=groups, out_channels=2), plain)


@pytest.mark.parametrize("path", EVERY.values(), ids=EVERY)
def test_input_scales_a_channel(path: Datapath) -> None:
    """A padded convolution with any groups reads each channel's own zero point outside the image."""
    for seed, groups in ((1, 1), (2, 2)):
        case = conv2d_case(np.random.default_rng(seed), path, groups=groups, out_channels=2, channels=True)
        points = case.call.inputs[0].zero_point
        assert len(points) == 4 and (len(set(points)) == 1) == (path.mac.zero_point == "subtracted")
        agree(case, plain)


@pytest.mark.parametrize("path", SUBTRACTED.values(), ids=SUBTRACTED)
def test_depthwise_subtracts_the_zero_point_of_its_channel(path: Datapath) -> None:
    """Every output reads one channel: the multiplier subtracts one zero point, another for each channel."""
    case = conv2d_case(np.random.default_rng(1), path, groups=4, out_channels=4)
    assert len(set(case.call.inputs[0].zero_point)) > 1
    agree(case, plain)


def test_padding_by_hand_with_a_zero_point_a_channel() -> None:
    """One pixel of 0, padded by one: 8 taps outside read 5 in channel 0 and -7 in channel 1: 8*5*1 + 8*(-7)*2 = -72."""
    spec = tensor("x", (1, 2, 1, 1), zero_point=(5, -7), axis=1)
    weight = np.array([[[[1] * 3] * 3, [[2] * 3] * 3]])
    constants = {"weight": weight, "bias": np.array([0]), "multiplier": np.array([1 << 30]), "shift": np.array([30])}
    call = build(Conv2d(1, (3, 3), padding=(1, 1)), [spec], tensor("y", (1, 1, 1, 1)), constants, IOT_NPU)
    case = Case(call, (np.zeros((1, 2, 1, 1), np.int8),))
    assert agree(case, plain).output.item() == -72
    assert case.call.output.name not in planned(case, keep_all=False)[1].plain


@pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    "path", [IOT_NPU, NARROW["saturate12"], NARROW["wrap12"]], ids=["proved", "saturate12", "wrap12"]
)
def test_shapes(options: dict[str, Any], path: Datapath) -> None:
    """Strides, paddings, groups and sizes at their corners, on the proved, saturating and wrapping paths."""
    agree(conv2d_case(np.random.default_rng(5), path, **options), plain)


@pytest.mark.parametrize(
    "path", [IOT_NPU, NARROW["saturate12"], NARROW["wrap12"]], ids=["proved", "saturate12", "wrap12"]
)
def test_extremes(path: Datapath) -> None:
    """Every operand at either end of its range."""
    rng = np.random.default_rng(6)
    for case in extremes(conv2d_case(rng, path), rng):
        agree(case, plain)


@pytest.mark.parametrize("path", ROUNDINGS.values(), ids=ROUNDINGS)
def test_ties(path: Datapath) -> None:
    """Accumulators that are odd multiples of half an output step, of both signs."""
    case = conv2d_case(np.random.default_rng(7), path, ties=True)
    found = agree(case, plain)
    ties = found.stages["accumulator"][found.stages["accumulator"] % 4 == 2]
    assert (ties > 0).any()
    assert (ties < 0).any()


@pytest.mark.parametrize("path", [*NARROW.values(), *ORDERS.values()], ids=[*NARROW, *ORDERS])
def test_overflow_happens(path: Datapath) -> None:
    """The narrow accumulators really overflow, so that the tests above see the rule at work."""
    case = conv2d_case(np.random.default_rng(1), path)
    exact = plain(replace(case.call, datapath=EXACT), case.operands)["accumulator"]
    found = agree(case, plain).stages["accumulator"].reshape(-1).tolist()
    assert not case.call.accumulator_proved
    assert sum(a != b for a, b in zip(found, exact, strict=True)) > len(exact) // 8


def test_saturation_depends_on_order_and_bias() -> None:
    """The same operands give different accumulators in each of the six orders, with the bias first and last."""
    case = conv2d_case(np.random.default_rng(8), NARROW["saturate12"], size=(7, 7))
    seen = set()
    for order, bias in product(permutations(("ky", "kx", "c")), ("first", "last")):
        path = datapath({"mac.accumulator_bits": 12, "mac.overflow": "saturate", "mac.order": order, "mac.bias": bias})
        call = replace(case.call, datapath=path)
        call = replace(call, bound=call.op.bound(call))
        seen.add(agree(Case(call, case.operands), plain).stages["accumulator"].tobytes())
    assert len(seen) == 12


@pytest.mark.parametrize("bias", ["first", "last"])
@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
def test_bias_wider_than_the_accumulator(overflow: str, bias: str) -> None:
    """A register of 8 bits that is loaded with a bias of 1000 holds 127, or 1000 - 1024 = -24 when it wraps.

    Saturating, bias first: 127 - 100 = 27; bias last: -100 + 1000, held at 127. Wrapping: 900 is -124 either way.
    """
    path = datapath({"mac.accumulator_bits": 8, "mac.overflow": overflow, "mac.bias": bias})
    found = agree(by_hand([[[[100]]]], [[[[-1]]]], [1000], path), plain)
    wanted = -124 if overflow == "wrap" else 27 if bias == "first" else 127
    assert found.stages["accumulator"].item() == wanted


def by_hand(
    image: object, weight: object, bias: list[int], path: Datapath = IOT_NPU, *, padding: int = 0, zero_point: int = 0
) -> Case:
    """Stride 1, multiplier 2**30 and shift 31 (a half), output zero point -3."""
    codes, filters = np.array(image, np.int8), np.array(weight, np.int8)
    op = Conv2d(len(filters), filters.shape[2:], padding=(padding, padding))
    spec = tensor("x", codes.shape, zero_point=[zero_point])
    target = tensor("y", op.output_shape([codes.shape]), zero_point=[-3])
    constants = {"weight": filters, "bias": np.array(bias), "multiplier": np.array([1 << 30]), "shift": np.array([31])}
    return Case(build(op, [spec], target, constants, path), (codes,))


def test_by_hand() -> None:
    """[[1, 2], [3, 4]] * [[1, -1], [2, 0]] + 10 = 1 - 2 + 6 + 0 + 10 = 15; 15/2 = 7.5 rounds up to 8; 8 - 3 = 5."""
    found = agree(by_hand([[[[1, 2], [3, 4]]]], [[[[1, -1], [2, 0]]]], [10]), plain)
    assert found.stages["accumulator"].tolist() == [[[[15]]]]
    assert found.stages["rounded"].tolist() == [[[[8]]]]
    assert found.output.tolist() == [[[[5]]]]


def test_padding_reads_the_zero_point() -> None:
    """One pixel of code 10 under a 3x3 kernel of ones, zero point -7: 8 * -7 + 10 = -46; -23 - 3 = -26."""
    found = agree(by_hand([[[[10]]]], [[[[1] * 3] * 3]], [0], padding=1, zero_point=-7), plain)
    assert found.stages["accumulator"].item() == -46
    assert found.output.item() == -26


def depthwise() -> Call:
    """A valid depthwise call with padding."""
    return conv2d_case(np.random.default_rng(9), groups=4, out_channels=4).call


def dense() -> Call:
    """A valid dense call without padding."""
    return conv2d_case(np.random.default_rng(9), padding=(0, 0)).call


REFUSALS: dict[str, tuple[Change, str]] = {
    **REQUANTIZER,
    **ACCUMULATOR,
    "weight of another shape": (constant("weight", np.zeros((3, 4, 3, 2), int)), "'weight' has the wrong shape"),
    "weight wider than 8 bits": (constant("weight", np.full((3, 4, 3, 3), 128)), "'weight' does not fit"),
    "bias wider than 32 bits": (constant("bias", [1 << 31] * 3), "'bias' does not fit"),
    "no bias per channel": (constant("bias", [0, 0]), "'bias' has the wrong shape"),
    "codes wider than 8 bits": (source(tensor("x", (1, 4, 5, 4), bits=9)), "wider than the datapath's multiplier"),
    "probabilities wider than 16 bits": (
        source(tensor("x", (1, 4, 5, 4), bits=17, row_sum_max=1)),
        "wider than the datapath's multiplier",
    ),
    "narrow multiplier": (through({"mac.activation_bits_max": 4}), "wider than the datapath's multiplier"),
    "zero points a channel that are subtracted": (
        lambda call: through({"mac.zero_point": "subtracted"})(
            source(tensor("x", (1, 4, 5, 4), zero_point=(0, 1, 2, 3), axis=1))(call)
        ),
        "zero points differ between channels",
    ),
    "an output zero point for no channel": (per_channel_output(2), "axis 2"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Constants, widths and tensors that the contract excludes."""
    refused(dense(), change, words)


@pytest.mark.parametrize("zero_point", [-129, 128])
def test_padding_with_a_zero_point_that_is_no_code(zero_point: int) -> None:
    """Padding could not read it; without padding the same zero point is accepted."""
    wide = source(tensor("x", (1, 4, 5, 4), zero_point=(0, zero_point, 0, 0), axis=1))
    refused(depthwise(), wide, "not a code of the input")
    changed = source(tensor("x", (1, 4, 5, 4), zero_point=(zero_point,)))(dense())
    changed.op.check(replace(changed, bound=changed.op.bound(changed)))


def test_channel_axes() -> None:
    """A per-channel zero point belongs to axis 1: one a column or a row has no meaning for a convolution."""
    square = conv2d_case(np.random.default_rng(9), size=(4, 4), groups=4, out_channels=4, stride=(1, 1)).call
    for axis in (2, 3):
        refused(square, per_channel(0, axis), "axis")
        refused(square, per_channel_output(axis), "axis")


@pytest.mark.parametrize(
    ("op", "shape"),
    [
        (Conv2d(2, (1, 1)), (3, 4, 4)),
        (Conv2d(2, (1, 1)), (2, 3, 4, 4)),
        (Conv2d(2, (1, 1), groups=2), (1, 3, 4, 4)),
        (Conv2d(3, (1, 1), groups=2), (1, 4, 4, 4)),
        (Conv2d(2, (1, 1), groups=0), (1, 4, 4, 4)),
        (Conv2d(2, (0, 1)), (1, 4, 4, 4)),
        (Conv2d(2, (1, 1), stride=(1, 0)), (1, 4, 4, 4)),
        (Conv2d(2, (1, 1), padding=(-1, 0)), (1, 4, 4, 4)),
        (Conv2d(0, (1, 1)), (1, 4, 4, 4)),
        (Conv2d(2, (5, 1)), (1, 4, 4, 4)),
        (Conv2d(2, (1, 9)), (1, 4, 4, 4)),
    ],
    ids=str,
)
def test_shapes_refused(op: Conv2d, shape: tuple[int, ...]) -> None:
    """Ranks, groups, kernels, strides and paddings that make no convolution, or one without an output."""
    with pytest.raises(IllFormed):
        tensor("y", op.output_shape([shape]))


def test_output_shape() -> None:
    """(5 + 2 - 3) // 2 + 1 = 3 rows, (8 + 0 - 2) // 3 + 1 = 3 columns."""
    assert Conv2d(6, (3, 2), (2, 3), (1, 0)).output_shape([(1, 4, 5, 8)]) == (1, 6, 3, 3)


def test_work() -> None:
    """Dense: 3 filters of 4*3*3 taps on 3*2 pixels. Depthwise: 4 groups of one filter of 9 taps."""
    call = conv2d_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(Gemm(batch=1, m=6, n=3, k=36), {"requantize": 18})
    assert call.op.work(call).gemm.macs == 648
    call = depthwise()
    assert call.op.work(call) == Work(Gemm(batch=4, m=6, n=1, k=9), {"requantize": 24})


def test_zero_constants_and_operands() -> None:
    """All weights zero: the accumulator is the bias, whatever the image."""
    case = conv2d_case(np.random.default_rng(10), padding=(0, 0))
    call = constant("weight", np.zeros((3, 4, 3, 3), np.int8))(case.call)
    call = replace(call, bound=call.op.bound(call))
    found = agree(with_operands(Case(call, case.operands), np.array(case.call.inputs[0].code_range[0])), plain)
    assert (found.stages["accumulator"] == call.constants["bias"].reshape(1, -1, 1, 1)).all()
