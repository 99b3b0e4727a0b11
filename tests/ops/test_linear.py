"""linear: kernel, judge and Python integers agree; the contract's refusals; work by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from op_agreement import Array, accumulated, agree, element, extremes, finished
from op_cases import linear_case
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
from op_datapaths import EVERY, IOT_NPU, NARROW, ORDERS, ROUNDINGS, datapath
from op_parts import Case, build, tensor
from plain_units import register_code
from plan_agreement import planned

from bittrue.spec.datapath import Datapath
from bittrue.spec.op import Call, Gemm, Work
from bittrue.spec.ops import Linear

EXACT = datapath({"mac.accumulator_bits": 48})
SHAPES = {
    "one row": {"rows": (1,)},
    "no leading axis": {"rows": ()},
    "K = 1": {"in_features": 1},
    "one output": {"out_features": 1},
    "one number": {"rows": (1,), "in_features": 1, "out_features": 1},
    "K past a block of eight": {"in_features": 17},
    "more than 16 outputs": {"out_features": 19},
    "four axes": {"rows": (1, 2, 2)},
}


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """The sums of the contract, feature by feature."""
    spec, mac, features = call.inputs[0], call.datapath.mac, call.inputs[0].shape[-1]

    def read(code: int) -> int:
        subtracted = mac.zero_point == "subtracted"
        return code - spec.zero_point[0] if subtracted else register_code(mac, code, spec.bits)

    rows, weight = operands[0].reshape(-1, features).tolist(), call.constants["weight"].tolist()
    accumulators, rounded, codes = [], [], []
    for row, o in product(rows, range(len(weight))):
        terms = (read(q) * register_code(mac, w, mac.weight_bits_max) for q, w in zip(row, weight[o], strict=True))
        accumulators.append(accumulated(mac, terms, element(call.constants["bias"], o)))
        before, code = finished(call, accumulators[-1], o)
        rounded.append(before)
        codes.append(code)
    return {"accumulator": accumulators, "rounded": rounded, "output": codes}


@pytest.mark.parametrize("path", EVERY.values(), ids=EVERY)
def test_every_datapath(path: Datapath) -> None:
    """Exact agreement under each rule of the MAC and of the requantizer."""
    for seed in range(4):
        agree(linear_case(np.random.default_rng(seed), path), plain)


@pytest.mark.parametrize("path", EVERY.values(), ids=EVERY)
def test_input_scales_a_feature(path: Datapath) -> None:
    """Scales are in the weights and zero points in the bias: raw codes are multiplied as with one scale."""
    case = linear_case(np.random.default_rng(3), path, channels=True)
    points = case.call.inputs[0].zero_point
    assert len(points) == 7 and (len(set(points)) == 1) == (path.mac.zero_point == "subtracted")
    agree(case, plain)
    if path is IOT_NPU:
        assert case.call.output.name not in planned(case, keep_all=False)[1].plain


@pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    "path", [IOT_NPU, NARROW["saturate12"], NARROW["wrap12"]], ids=["proved", "saturate12", "wrap12"]
)
def test_shapes(options: dict[str, Any], path: Datapath) -> None:
    """Ranks and sizes at their corners."""
    agree(linear_case(np.random.default_rng(5), path, **options), plain)


@pytest.mark.parametrize(
    "path", [IOT_NPU, NARROW["saturate12"], NARROW["wrap12"]], ids=["proved", "saturate12", "wrap12"]
)
def test_extremes(path: Datapath) -> None:
    """Every operand at either end of its range."""
    rng = np.random.default_rng(6)
    for case in extremes(linear_case(rng, path), rng):
        agree(case, plain)


@pytest.mark.parametrize("path", ROUNDINGS.values(), ids=ROUNDINGS)
def test_ties(path: Datapath) -> None:
    """Accumulators that are odd multiples of half an output step, of both signs."""
    found = agree(linear_case(np.random.default_rng(4), path, rows=(8,), ties=True), plain)
    ties = found.stages["accumulator"][found.stages["accumulator"] % 4 == 2]
    assert (ties > 0).any()
    assert (ties < 0).any()


@pytest.mark.parametrize("path", [*NARROW.values(), *ORDERS.values()], ids=[*NARROW, *ORDERS])
def test_overflow_happens(path: Datapath) -> None:
    """The narrow accumulators really overflow."""
    case = linear_case(np.random.default_rng(1), path, in_features=24)
    exact = plain(replace(case.call, datapath=EXACT), case.operands)["accumulator"]
    assert not case.call.accumulator_proved
    assert agree(case, plain).stages["accumulator"].reshape(-1).tolist() != exact


def by_hand(row: list[int], weight: list[int], bias: int, path: Datapath, zero_point: int = -3) -> Case:
    """One row and one output; multiplier 2**30, shift 31 (a half)."""
    constants = {
        "weight": np.array([weight], np.int8),
        "bias": np.array([bias]),
        "multiplier": np.array([1 << 30]),
        "shift": np.array([31]),
    }
    target = tensor("y", (1, 1), zero_point=[zero_point])
    call = build(Linear(1), [tensor("x", (1, len(row)))], target, constants, path)
    return Case(call, (np.array([row], np.int8),))


@pytest.mark.parametrize(
    ("overflow", "bias_place", "accumulator"),
    [("saturate", "first", 7), ("saturate", "last", -13), ("wrap", "first", 40), ("wrap", "last", 40)],
)
def test_overflow_by_hand(overflow: str, bias_place: str, accumulator: int) -> None:
    """An 8-bit register adds 100, 80 and -120 to a bias of -20 or to 0.

    Saturating, first: -20, 80, 127 (160), 7. Last: 100, 127 (180), 7, -13. Wrapping: the exact -20 + 60 = 40 fits,
    so the register holds it whatever happened on the way.
    """
    path = datapath({"mac.accumulator_bits": 8, "mac.overflow": overflow, "mac.bias": bias_place})
    found = agree(by_hand([100, 80, -120], [1, 1, 1], -20, path), plain)
    assert found.stages["accumulator"].item() == accumulator


def test_by_hand() -> None:
    """3*4 - 5*2 + 7*(-1) - 4 = -9; -9/2 = -4.5 rounds up to -4; -4 - 3 = -7."""
    found = agree(by_hand([3, -5, 7], [4, 2, -1], -4, IOT_NPU), plain)
    assert (found.stages["accumulator"].item(), found.stages["rounded"].item(), found.output.item()) == (-9, -4, -7)


def test_saturates_at_the_output() -> None:
    """127*127 + 0 = 16129; 8064.5 rounds up to 8065; 8065 + 5 saturates at 127; the negative at -128."""
    assert agree(by_hand([127], [127], 0, IOT_NPU, 5), plain).output.item() == 127
    assert agree(by_hand([127], [-127], 0, IOT_NPU, 5), plain).output.item() == -128


REFUSALS: dict[str, tuple[Change, str]] = {
    **REQUANTIZER,
    **ACCUMULATOR,
    "weight of another shape": (constant("weight", np.zeros((7, 4), int)), "'weight' has the wrong shape"),
    "weight wider than 8 bits": (constant("weight", np.full((4, 7), -129)), "'weight' does not fit"),
    "bias wider than 32 bits": (constant("bias", [-(1 << 31) - 1] * 4), "'bias' does not fit"),
    "no bias per feature": (constant("bias", [0, 0]), "'bias' has the wrong shape"),
    "codes wider than 8 bits": (source(tensor("x", (2, 3, 7), bits=9)), "wider than the datapath's multiplier"),
    "input scales along another axis": (per_channel(0, 1), "axis of the input channels"),
    "zero points a feature that are subtracted": (
        lambda call: through({"mac.zero_point": "subtracted"})(per_channel(0, 2)(call)),
        "zero points differ between channels",
    ),
    "an output zero point for no feature": (per_channel_output(1), "axis 1"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Constants, widths and tensors that the contract excludes."""
    refused(linear_case(np.random.default_rng(9)).call, change, words)


def test_output_axis() -> None:
    """A per-channel output varies along the last axis and no other, even where the sizes agree."""
    refused(linear_case(np.random.default_rng(9), rows=(4, 4)).call, per_channel_output(1), "axis")


def test_work() -> None:
    """2*3 rows by 4 features of 7: one GEMM of 168 MACs, 24 outputs."""
    call = linear_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(Gemm(batch=1, m=6, n=4, k=7), {"requantize": 24})
    assert call.op.work(call).gemm.macs == 168
