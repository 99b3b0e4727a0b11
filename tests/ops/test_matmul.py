"""matmul: kernel, judge and Python integers agree; the contract's refusals; work by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from op_agreement import Array, accumulated, agree, extremes, factors, finished
from op_cases import matmul_case
from op_changes import ACCUMULATOR, REQUANTIZER, Change, per_channel, per_channel_output, refused, source
from op_datapaths import EVERY, IOT_NPU, NARROW, ROUNDINGS, datapath
from op_parts import Case, build, tensor

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Gemm, Work
from bittrue.spec.ops import MatMul

EXACT = datapath({"mac.accumulator_bits": 48})
SHAPES = {
    "two axes": {"batch": ()},
    "transposed": {"transpose_b": True},
    "transposed, two axes": {"transpose_b": True, "batch": ()},
    "K = 1": {"k": 1},
    "K = 1, transposed": {"k": 1, "transpose_b": True},
    "one number": {"batch": (1,), "m": 1, "k": 1, "n": 1},
    "column": {"n": 1},
    "row": {"m": 1},
    "K past a block of eight": {"k": 17, "batch": (1,)},
    "more than 16 rows": {"m": 18, "batch": (1,), "k": 2},
    "three leading axes": {"batch": (2, 1, 2), "m": 2},
    "probabilities": {"probabilities": True},
}


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """The sums of the contract, k ascending, zero points subtracted first."""
    op = call.op
    assert isinstance(op, MatMul)
    a, b = factors(call, operands)
    if op.transpose_b:
        b = b.swapaxes(-1, -2)
    accumulators, rounded, codes = [], [], []
    for *batch, m, n in np.ndindex(call.output.shape):
        row, column = a[(*batch, m)], b[(*batch, slice(None), n)]
        accumulators.append(accumulated(call.datapath.mac, (x * y for x, y in zip(row, column, strict=True))))
        before, code = finished(call, accumulators[-1])
        rounded.append(before)
        codes.append(code)
    return {"accumulator": accumulators, "rounded": rounded, "output": codes}


@pytest.mark.parametrize("path", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("transpose_b", [False, True], ids=["k n", "n k"])
def test_every_datapath(path: Datapath, transpose_b: bool) -> None:
    """Exact agreement under each rule of the MAC and of the requantizer."""
    for seed in range(3):
        agree(matmul_case(np.random.default_rng(seed), path, transpose_b=transpose_b), plain)


@pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    "path", [IOT_NPU, NARROW["saturate16"], NARROW["wrap16"]], ids=["proved", "saturate16", "wrap16"]
)
def test_shapes(options: dict[str, Any], path: Datapath) -> None:
    """Ranks and sizes at their corners; softmax probabilities of 16 bits."""
    agree(matmul_case(np.random.default_rng(5), path, **options), plain)


@pytest.mark.parametrize(
    "path", [IOT_NPU, NARROW["saturate12"], NARROW["wrap12"]], ids=["proved", "saturate12", "wrap12"]
)
def test_extremes(path: Datapath) -> None:
    """Both operands at either end of their ranges."""
    rng = np.random.default_rng(6)
    for case in extremes(matmul_case(rng, path), rng):
        agree(case, plain)


@pytest.mark.parametrize("path", ROUNDINGS.values(), ids=ROUNDINGS)
def test_ties(path: Datapath) -> None:
    """Accumulators that are odd multiples of half an output step, of both signs."""
    found = agree(matmul_case(np.random.default_rng(4), path, m=6, ties=True), plain)
    ties = found.stages["accumulator"][found.stages["accumulator"] % 4 == 2]
    assert (ties > 0).any()
    assert (ties < 0).any()


@pytest.mark.parametrize("path", NARROW.values(), ids=NARROW)
def test_overflow_happens(path: Datapath) -> None:
    """The narrow accumulators really overflow."""
    case = matmul_case(np.random.default_rng(1), path, k=12)
    exact = plain(replace(case.call, datapath=EXACT), case.operands)["accumulator"]
    assert not case.call.accumulator_proved
    assert agree(case, plain).stages["accumulator"].reshape(-1).tolist() != exact


@pytest.mark.parametrize(("overflow", "wanted"), [("saturate", [7, -14]), ("wrap", [60, -66])])
def test_overflow_by_hand(overflow: str, wanted: list[int]) -> None:
    """An 8-bit register adds 100, 80, -120, then -100, -80, 114, in ascending k.

    Saturating: 100, 127, 7; -100, -128, -14. Wrapping: the exact 60 and -66.
    """
    path = datapath({"mac.accumulator_bits": 8, "mac.overflow": overflow})
    spec = [tensor("a", (2, 3)), tensor("b", (3, 1))]
    constants = {"multiplier": np.array([1 << 30]), "shift": np.array([30])}
    call = build(MatMul(), spec, tensor("y", (2, 1)), constants, path)
    found = agree(Case(call, (np.array([[100, 80, -120], [-100, -80, 114]], np.int8), np.ones((3, 1), np.int8))), plain)
    assert found.stages["accumulator"].reshape(-1).tolist() == wanted


@pytest.mark.parametrize("transpose_b", [False, True])
def test_by_hand(transpose_b: bool) -> None:
    """A = [[1, 2]] - 3 = [[-2, -1]], b = [[5, 6], [7, 9]] - 4 = [[1, 2], [3, 5]]: [[-5, -9]].

    Halves: -2.5 rounds up to -2, -4.5 to -4; zero point 1: [[-1, -3]].
    """
    b = np.array([[5, 6], [7, 9]], np.int8)
    spec = [tensor("a", (1, 2), zero_point=[3]), tensor("b", (2, 2), zero_point=[4])]
    constants = {"multiplier": np.array([1 << 30]), "shift": np.array([31])}
    call = build(MatMul(transpose_b), spec, tensor("y", (1, 2), zero_point=[1]), constants, IOT_NPU)
    found = agree(Case(call, (np.array([[1, 2]], np.int8), b.T.copy() if transpose_b else b)), plain)
    assert found.stages["accumulator"].tolist() == [[-5, -9]]
    assert found.stages["rounded"].tolist() == [[-2, -4]]
    assert found.output.tolist() == [[-1, -3]]


REFUSALS: dict[str, tuple[Change, str]] = {
    **REQUANTIZER,
    **ACCUMULATOR,
    "a wider than 8 bits": (source(tensor("a", (1, 2, 3, 5), bits=9)), "wider than the datapath's multiplier"),
    "b wider than 8 bits": (source(tensor("b", (1, 2, 5, 4), bits=16), 1), "wider than the datapath's multiplier"),
    "probabilities wider than 16 bits": (
        source(tensor("a", (1, 2, 3, 5), bits=17, row_sum_max=9)),
        "wider than the datapath's multiplier",
    ),
    "a per channel": (per_channel(0, 1), "per-channel"),
    "b per channel": (per_channel(1, 3), "per-channel"),
    "output per channel": (per_channel_output(3), "axis 3"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Constants, widths and tensors that the contract excludes."""
    refused(matmul_case(np.random.default_rng(9)).call, change, words)


@pytest.mark.parametrize(
    ("transpose_b", "a", "b"),
    [
        (False, (2, 3), (4, 5)),
        (True, (2, 3), (3, 5)),
        (False, (3,), (3,)),
        (False, (1, 2, 3), (3, 4)),
        (False, (2, 2, 3), (1, 3, 4)),
    ],
)
def test_shapes_refused(transpose_b: bool, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Inner sizes, ranks and leading axes that do not fit; nothing broadcasts."""
    with pytest.raises(IllFormed, match="do not fit"):
        MatMul(transpose_b).output_shape([a, b])


def test_work() -> None:
    """2 matrices of 3x5 by 5x4: 120 MACs, 24 outputs."""
    call = matmul_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(Gemm(batch=2, m=3, n=4, k=5), {"requantize": 24})
    assert call.op.work(call).gemm.macs == 120
