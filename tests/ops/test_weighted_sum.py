"""weighted_sum: kernel, judge and Python integers agree; the contract's refusals; work by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from op_agreement import Array, accumulated, agree, extremes, factors, finished
from op_cases import weighted_sum_case
from op_changes import ACCUMULATOR, REQUANTIZER, Change, per_channel, per_channel_output, refused, source
from op_datapaths import EVERY, IOT_NPU, NARROW, ROUNDINGS, datapath
from op_parts import Case, build, tensor

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Gemm, Work
from bittrue.spec.ops import WeightedSum

EXACT = datapath({"mac.accumulator_bits": 48})
SHAPES = {
    "equal shapes": {"other": (1, 3, 2, 5)},
    "b repeats over two axes": {"other": (1, 1, 1, 5)},
    "b repeats over the inner axis": {"other": (1, 3, 1, 5)},
    "N = 1": {"shape": (1, 3, 2, 1), "other": (1, 1, 2, 1)},
    "one axis": {"shape": (9,), "other": (9,)},
    "two axes": {"shape": (4, 9), "other": (1, 9)},
    "probabilities": {"probabilities": True},
}


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """The sums of the contract, i ascending."""
    a, b = factors(call, operands)
    b = np.broadcast_to(b, a.shape)
    accumulators = [
        accumulated(call.datapath.mac, (x * y for x, y in zip(a[index], b[index], strict=True)))
        for index in np.ndindex(a.shape[:-1])
    ]
    ends = [finished(call, value) for value in accumulators]
    return {
        "accumulator": accumulators,
        "rounded": [before for before, _ in ends],
        "output": [code for _, code in ends],
    }


@pytest.mark.parametrize("path", EVERY.values(), ids=EVERY)
def test_every_datapath(path: Datapath) -> None:
    """Exact agreement under each rule of the MAC and of the requantizer."""
    for seed in range(4):
        agree(weighted_sum_case(np.random.default_rng(seed), path), plain)


@pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    "path", [IOT_NPU, NARROW["saturate16"], NARROW["wrap16"]], ids=["proved", "saturate16", "wrap16"]
)
def test_shapes(options: dict[str, Any], path: Datapath) -> None:
    """Each way in which b may repeat; softmax probabilities of 16 bits."""
    agree(weighted_sum_case(np.random.default_rng(5), path, **options), plain)


@pytest.mark.parametrize(
    "path", [IOT_NPU, NARROW["saturate12"], NARROW["wrap12"]], ids=["proved", "saturate12", "wrap12"]
)
def test_extremes(path: Datapath) -> None:
    """Both operands at either end of their ranges."""
    rng = np.random.default_rng(6)
    for case in extremes(weighted_sum_case(rng, path), rng):
        agree(case, plain)


@pytest.mark.parametrize("path", ROUNDINGS.values(), ids=ROUNDINGS)
def test_ties(path: Datapath) -> None:
    """Accumulators that are odd multiples of half an output step, of both signs."""
    found = agree(weighted_sum_case(np.random.default_rng(4), path, shape=(8, 8, 5), other=(1, 8, 5), ties=True), plain)
    ties = found.stages["accumulator"][found.stages["accumulator"] % 4 == 2]
    assert (ties > 0).any()
    assert (ties < 0).any()


@pytest.mark.parametrize("path", NARROW.values(), ids=NARROW)
def test_overflow_happens(path: Datapath) -> None:
    """The narrow accumulators really overflow."""
    case = weighted_sum_case(np.random.default_rng(1), path, shape=(1, 3, 2, 12), other=(1, 1, 2, 12))
    exact = plain(replace(case.call, datapath=EXACT), case.operands)["accumulator"]
    assert not case.call.accumulator_proved
    assert agree(case, plain).stages["accumulator"].reshape(-1).tolist() != exact


def by_hand(a: list[list[int]], b: list[list[int]], path: Datapath) -> Case:
    """Zero points 1, -2 and 4; multiplier 2**30, shift 31 (a half)."""
    codes = (np.array(a, np.int8), np.array(b, np.int8))
    spec = [tensor("a", codes[0].shape, zero_point=[1]), tensor("b", codes[1].shape, zero_point=[-2])]
    constants = {"multiplier": np.array([1 << 30]), "shift": np.array([31])}
    return Case(build(WeightedSum(), spec, tensor("y", (len(a), 1), zero_point=[4]), constants, path), codes)


def test_by_hand() -> None:
    """A - 1 = [2, -3], [0, 4]; b + 2 = [3, 5]: 6 - 15 = -9 and 0 + 20; halves -4 and 10; outputs 0 and 14."""
    found = agree(by_hand([[3, -2], [1, 5]], [[1, 3]], IOT_NPU), plain)
    assert found.stages["accumulator"].tolist() == [[-9], [20]]
    assert found.stages["rounded"].tolist() == [[-4], [10]]
    assert found.output.tolist() == [[0], [14]]


@pytest.mark.parametrize(("overflow", "wanted"), [("saturate", 7), ("wrap", 60)])
def test_overflow_by_hand(overflow: str, wanted: int) -> None:
    """100, 80 and -120 into an 8-bit register: 100, 127, 7 where it saturates; the exact 60 where it wraps."""
    path = datapath({"mac.accumulator_bits": 8, "mac.overflow": overflow})
    found = agree(by_hand([[101, 81, -119]], [[-1, -1, -1]], path), plain)
    assert found.stages["accumulator"].item() == wanted


REFUSALS: dict[str, tuple[Change, str]] = {
    **REQUANTIZER,
    **ACCUMULATOR,
    "a wider than 8 bits": (source(tensor("a", (1, 3, 2, 5), bits=9)), "wider than the datapath's multiplier"),
    "b wider than 8 bits": (source(tensor("b", (1, 1, 2, 5), bits=16), 1), "wider than the datapath's multiplier"),
    "a per channel": (per_channel(0, 1), "per-channel"),
    "b per channel": (per_channel(1, 2), "per-channel"),
    "output per channel": (per_channel_output(1), "axis 1"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Constants, widths and tensors that the contract excludes."""
    refused(weighted_sum_case(np.random.default_rng(9)).call, change, words)


@pytest.mark.parametrize(
    ("a", "b"), [((2, 3), (3,)), ((2, 3), (2, 1)), ((1, 3), (2, 3)), ((4, 3), (2, 3)), ((2, 3), (2, 4))]
)
def test_shapes_refused(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Only b repeats, never along the summed axis."""
    with pytest.raises(IllFormed, match="do not fit"):
        WeightedSum().output_shape([a, b])


def test_work() -> None:
    """1*3*2 dot products of length 5: 30 MACs."""
    call = weighted_sum_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(Gemm(batch=6, m=1, n=1, k=5), {"requantize": 6})
    assert call.op.work(call).gemm.macs == 30
