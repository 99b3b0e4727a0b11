"""Accumulator bounds: nothing leaves them, crafted operands reach them, and one bit less is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import accumulate, product

import numpy as np
import pytest
from op_cases import conv2d_case, linear_case, matmul_case, mean_case, weighted_sum_case
from op_datapaths import IOT_NPU, datapath
from op_parts import Case, tensor

from bittrue.spec.bounds import held_accumulator
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import AccumulatorBound, Call
from bittrue.spec.ops import MatMul, WeightedSum

Builder = Callable[..., Case]
LAST = datapath({"mac.bias": "last"})
SEEDS = range(6)


def rng(seed: int) -> np.random.Generator:
    """A generator for each seed."""
    return np.random.default_rng(seed)


def extreme_sums(call: Call) -> tuple[int, int]:
    """The least and the most final sum that any codes reach in conv2d or linear, tap by tap, over all outputs."""
    low, high = call.inputs[0].code_range
    filters = call.constants["weight"].reshape(len(call.constants["weight"]), -1).tolist()
    biases = np.broadcast_to(call.constants["bias"], len(filters)).tolist()
    least = [bias + sum(min(w * low, w * high) for w in taps) for taps, bias in zip(filters, biases, strict=True)]
    most = [bias + sum(max(w * low, w * high) for w in taps) for taps, bias in zip(filters, biases, strict=True)]
    return min(least), max(most)


@pytest.mark.parametrize("builder", [conv2d_case, linear_case])
@pytest.mark.parametrize("seed", SEEDS)
def test_weighted_bounds_are_reached(builder: Builder, seed: int) -> None:
    """Bias first, weights of either sign: each tap at the end of the code range that suits its weight."""
    call = builder(rng(seed)).call
    assert call.bound == AccumulatorBound(*extreme_sums(call))
    assert call.bound.low < 0 < call.bound.high


@pytest.mark.parametrize("builder", [conv2d_case, linear_case])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_last_bias_widens_the_bound(builder: Builder, seed: int) -> None:
    """Bias last: the register also holds the sum without the bias, so the bound holds both."""
    call = builder(rng(seed), LAST).call
    without = replace(call, constants={**call.constants, "bias": np.zeros_like(call.constants["bias"])})
    first, bare = extreme_sums(call), extreme_sums(without)
    assert call.bound.low <= min(first[0], bare[0])
    assert call.bound.high >= max(first[1], bare[1])


@pytest.mark.parametrize(
    ("bias_place", "bias", "wanted"),
    [
        ("first", 1000, (1000 - 384 - 0, 1000 + 381 + 0)),
        ("last", 1000, (-384, 1381)),
        ("last", -1000, (-1384, 381)),
        ("first", -1000, (-1384, -619)),
    ],
)
def test_weighted_bound_by_hand(bias_place: str, bias: int, wanted: tuple[int, int]) -> None:
    """One weight of 3 over s8 codes reaches -384..381; a first bias moves the interval, a last one stretches it."""
    call = linear_case(rng(0), datapath({"mac.bias": bias_place}), rows=(1,), in_features=1, out_features=1).call
    call = replace(
        call,
        inputs=(tensor("x", (1, 1)),),
        constants={**call.constants, "weight": np.array([[3]]), "bias": np.array([bias])},
    )
    assert call.op.bound(call) == AccumulatorBound(*wanted)


def contraction_terms(call: Call) -> Iterator[tuple[int, int]]:
    """Each pair of extreme centred operands of a contraction."""
    ends = [[code - spec.zero_point[0] for code in spec.code_range] for spec in call.inputs]
    yield from product(*ends)


@pytest.mark.parametrize("builder", [matmul_case, weighted_sum_case])
@pytest.mark.parametrize("seed", SEEDS)
def test_contraction_bounds_are_reached(builder: Builder, seed: int) -> None:
    """All terms at the same pair of ends: the largest and the least product, as often as the sum is long."""
    call = builder(rng(seed)).call
    length = call.inputs[0].shape[-1]
    products = [x * y for x, y in contraction_terms(call)]
    assert call.bound == AccumulatorBound(min(*products, 0) * length, max(*products, 0) * length)


@pytest.mark.parametrize("seed", SEEDS)
def test_mean_bounds_are_reached(seed: int) -> None:
    """All codes at one end."""
    call = mean_case(rng(seed)).call
    (low, high), (zero,) = call.inputs[0].code_range, call.inputs[0].zero_point
    assert call.bound == AccumulatorBound(min(low - zero, 0) * 15, max(high - zero, 0) * 15)


def partial_sums(case: Case) -> Iterator[int]:
    """Every partial sum of random orders of the terms of a linear step, its first output."""
    call, row = case.call, case.operands[0].reshape(-1, case.call.inputs[0].shape[-1])[0].tolist()
    bias = int(call.constants["bias"][0])
    terms = [q * w for q, w in zip(row, call.constants["weight"][0].tolist(), strict=True)]
    for seed in range(10):
        order = rng(seed).permutation(len(terms)).tolist()
        start = bias if call.datapath.mac.bias == "first" else 0
        yield from accumulate((terms[i] for i in order), initial=start)
    yield sum(terms) + bias


@pytest.mark.parametrize("path", [IOT_NPU, LAST], ids=["first", "last"])
def test_no_partial_sum_leaves_the_bound(path: Datapath) -> None:
    """In any order, the bias first or last."""
    for seed in range(20):
        case = linear_case(rng(seed), path, in_features=9)
        assert case.call.bound is not None
        assert all(case.call.bound.low <= value <= case.call.bound.high for value in partial_sums(case))


@pytest.mark.parametrize("builder", [conv2d_case, linear_case, matmul_case, weighted_sum_case, mean_case])
@pytest.mark.parametrize("seed", SEEDS)
def test_one_bit_less_is_refused(builder: Builder, seed: int) -> None:
    """A datapath that refuses overflow accepts exactly the bound's bits; wrap and saturate accept fewer."""
    call = builder(rng(seed)).call
    bits = call.bound.bits
    assert call.bound.low < -(1 << (bits - 2)) or call.bound.high >= 1 << (bits - 2)

    def through(width: int, overflow: str) -> Call:
        return replace(call, datapath=datapath({"mac.accumulator_bits": width, "mac.overflow": overflow}))

    call.op.check(through(bits, "refuse"))
    assert through(bits, "refuse").accumulator_proved
    with pytest.raises(IllFormed, match=f"may overflow(.|\n)*{bits} bits(.|\n)*at most {bits - 1} bits"):
        call.op.check(through(bits - 1, "refuse"))
    for overflow in ("wrap", "saturate"):
        call.op.check(through(bits - 1, overflow))
        assert not through(bits - 1, overflow).accumulator_proved


def test_what_a_narrow_accumulator_holds() -> None:
    """The proved bound where it fits, else the whole register, on either side of zero."""
    call = linear_case(rng(0)).call
    assert held_accumulator(call) == call.bound
    narrow = replace(call, datapath=datapath({"mac.accumulator_bits": 8, "mac.overflow": "wrap"}))
    assert held_accumulator(narrow) == AccumulatorBound(-128, 127)
    with pytest.raises(IllFormed, match="no bound"):
        held_accumulator(replace(call, bound=None))


def test_a_row_sum_tightens_the_bound() -> None:
    """Softmax rows of 5 probabilities sum to at most 2**16 + 5: without that proof, 5 * 65535 would have to fit."""
    call = matmul_case(rng(0), probabilities=True, k=5).call
    b = replace(call.inputs[1], bits=8, signed=True, zero_point=(0,))
    proved = replace(call, inputs=(call.inputs[0], b))
    assert proved.op.bound(proved) == AccumulatorBound(-65541 * 128, 65541 * 128)
    bare = replace(call, inputs=(replace(call.inputs[0], row_sum_max=None), b))
    assert bare.op.bound(bare) == AccumulatorBound(-5 * 65535 * 128, 5 * 65535 * 127)


def test_a_row_sum_never_widens_the_bound() -> None:
    """A row sum above what the codes can reach changes nothing."""
    call = matmul_case(rng(0)).call
    loose = replace(call, inputs=(replace(call.inputs[0], row_sum_max=1 << 40), call.inputs[1]))
    assert loose.op.bound(loose) == call.bound


def probabilities(shape: tuple[int, ...]) -> Call:
    """A matmul or weighted_sum call is made of this: b is u8 with rows that sum to at most 255."""
    b = tensor("b", shape, signed=False, row_sum_max=255)
    return replace(matmul_case(rng(0)).call, inputs=(tensor("a", (1, 4)), b))


@pytest.mark.parametrize(("op", "shape"), [(MatMul(transpose_b=True), (2, 4)), (WeightedSum(), (1, 4))], ids=str)
def test_a_row_sum_of_b_along_the_summed_axis(op: MatMul | WeightedSum, shape: tuple[int, ...]) -> None:
    """Where b's last axis is summed, its row sum counts: 255 * 128 instead of 4 * 255 * 128."""
    call = replace(probabilities(shape), op=op)
    assert op.bound(call) == AccumulatorBound(-255 * 128, 255 * 128)


def test_a_row_sum_of_b_along_another_axis() -> None:
    """Without transpose_b, a column of b is summed, of which its row sums say nothing: four rows [255, 0] obey
    row_sum_max = 255, and a row of four -128 against them sums to -4 * 255 * 128, which the bound must hold.
    """
    call = replace(probabilities((4, 2)), op=MatMul())
    b = np.array([[255, 0]] * 4)
    assert b.sum(axis=-1).max() <= call.inputs[1].row_sum_max
    lowest = int((np.full((1, 4), -128) @ b).min())
    assert lowest == -4 * 255 * 128
    assert call.op.bound(call).low <= lowest


def test_padding_stays_inside_the_bound() -> None:
    """Padded taps read a zero point, which is a code: an image of the other end does not leave the bound."""
    call = conv2d_case(rng(3), padding=(1, 1)).call
    low, high = call.inputs[0].code_range
    assert call.bound is not None
    for zero in (low, high):
        spec = replace(call.inputs[0], zero_point=(zero,))
        assert call.op.bound(replace(call, inputs=(spec,))) == call.bound


@pytest.mark.parametrize(
    ("low", "high", "bits", "magnitude"),
    [(-128, 127, 8, 128), (0, 127, 8, 127), (5, 9, 5, 9), (-9, -5, 5, 9), (0, 0, 1, 0)],
)
def test_accumulator_bound(low: int, high: int, bits: int, magnitude: int) -> None:
    """Bits and magnitude of an interval, also of one that does not hold zero."""
    bound = AccumulatorBound(low, high)
    assert (bound.bits, bound.magnitude) == (bits, magnitude)
