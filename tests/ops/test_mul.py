"""mul: kernel, judge and Python integers agree; the contract's refusals; work by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from op_agreement import Array, agree, extremes, finished
from op_cases import mul_case
from op_changes import REQUANTIZER, Change, per_channel, per_channel_output, refused, source
from op_datapaths import IOT_NPU, NARROW, ROUNDINGS, WIDE
from op_parts import Case, build, tensor

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Work
from bittrue.spec.ops import Mul


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """One exact product an element."""
    a, b = (codes.astype(object) - spec.zero_point[0] for codes, spec in zip(operands, call.inputs, strict=True))
    products = np.asarray(a * b, dtype=object).reshape(-1).tolist()
    ends = [finished(call, value) for value in products]
    return {"accumulator": products, "rounded": [before for before, _ in ends], "output": [code for _, code in ends]}


@pytest.mark.parametrize("path", [IOT_NPU, *WIDE.values(), *ROUNDINGS.values()], ids=["iot_npu", *WIDE, *ROUNDINGS])
def test_every_datapath(path: Datapath) -> None:
    """Exact agreement under each rounding and multiplier width."""
    for seed in range(8):
        agree(mul_case(np.random.default_rng(seed), path), plain)


@pytest.mark.parametrize(
    ("shape", "other"),
    [
        ((1,), (1,)),
        ((7,), (1,)),
        ((1, 3, 2, 4), (1, 3, 2, 1)),
        ((1, 3, 2, 4), (1, 1, 2, 1)),
        ((1, 3, 2, 4), (1, 1, 1, 1)),
        ((2, 3, 4), (2, 1, 4)),
    ],
    ids=str,
)
def test_shapes(shape: tuple[int, ...], other: tuple[int, ...]) -> None:
    """Each way in which b may repeat."""
    agree(mul_case(np.random.default_rng(5), shape=shape, other=other), plain)


@pytest.mark.parametrize("path", [IOT_NPU, NARROW["saturate8"], NARROW["wrap8"]], ids=["iot_npu", "saturate8", "wrap8"])
def test_extremes_and_no_overflow_rule(path: Datapath) -> None:
    """Both operands at either end; the product is exact even where the MAC accumulator has 8 bits."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        largest = max(
            abs(int(agree(case, plain).stages["accumulator"].max())) for case in extremes(mul_case(rng, path), rng)
        )
        assert largest > 127


@pytest.mark.parametrize("path", ROUNDINGS.values(), ids=ROUNDINGS)
def test_ties(path: Datapath) -> None:
    """Products that are odd multiples of half an output step, of both signs."""
    found = agree(mul_case(np.random.default_rng(4), path, shape=(80,), ties=True), plain)
    ties = found.stages["accumulator"][found.stages["accumulator"] % 4 == 2]
    assert (ties > 0).any()
    assert (ties < 0).any()


def test_by_hand() -> None:
    """(5 - 2) * (4 + 1) = 15, half 7.5 -> 8, -6 -> 2; (-1 - 2) * 5 = -15, -7.5 -> -7, -6 -> -13."""
    spec = [tensor("a", (2, 1), zero_point=[2]), tensor("b", (1, 1), zero_point=[-1])]
    constants = {"multiplier": np.array([1 << 30]), "shift": np.array([31])}
    call = build(Mul(), spec, tensor("y", (2, 1), zero_point=[-6]), constants, IOT_NPU)
    found = agree(Case(call, (np.array([[5], [-1]], np.int8), np.array([[4]], np.int8))), plain)
    assert found.stages["accumulator"].tolist() == [[15], [-15]]
    assert found.stages["rounded"].tolist() == [[8], [-7]]
    assert found.output.tolist() == [[2], [-13]]


REFUSALS: dict[str, tuple[Change, str]] = {
    **REQUANTIZER,
    "a wider than 8 bits": (source(tensor("a", (1, 3, 2, 3), bits=9)), "wider than the datapath's multiplier"),
    "b wider than 8 bits": (source(tensor("b", (1, 3, 2, 3), bits=16), 1), "wider than the datapath's multiplier"),
    "product past 63 bits": (
        source(tensor("a", (1, 3, 2, 3), zero_point=[-(1 << 30)])),
        "scaled accumulator may not fit 63 bits",
    ),
    "a per channel": (per_channel(0), "per-channel"),
    "b per channel": (per_channel(1), "per-channel"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Constants, widths and tensors that the contract excludes."""
    refused(mul_case(np.random.default_rng(9), ties=True).call, change, words)


def test_output_per_channel() -> None:
    """Mul has one output zero point."""
    refused(mul_case(np.random.default_rng(4)).call, per_channel_output(1), "axis 1")


@pytest.mark.parametrize(("a", "b"), [((3, 1), (3, 4)), ((3, 4), (4,)), ((3, 4), (3, 2))])
def test_shapes_refused(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Only b repeats, and ranks are equal."""
    with pytest.raises(IllFormed, match="do not fit"):
        Mul().output_shape([a, b])


def test_work() -> None:
    """One product and one requantization for each of 18 elements."""
    call = mul_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(None, {"multiply": 18, "requantize": 18})
