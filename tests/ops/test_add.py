"""add: kernel, judge and Python integers agree; the contract's refusals; work by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from op_agreement import Array, agree, extremes
from op_cases import add_case
from op_changes import Change, constant, output, per_channel, per_channel_output, refused, source, through
from op_datapaths import IOT_NPU, ROUNDINGS, WIDE, datapath
from op_parts import Case, build, tensor, with_axis
from plain_add import POINTS, UNITS, added
from plan_agreement import planned

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed, Unsupported
from bittrue.spec.op import Call, Work
from bittrue.spec.ops import Add
from bittrue.spec.ops.add import unit_of
from bittrue.spec.units.add import AddUnit


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """One pair after another through the datapath's unit."""
    unit = unit_of(call.datapath)
    values = {role: int(array[0]) for role, array in call.constants.items()}
    formats = (call.inputs[0].zero_point[0], call.inputs[1].zero_point[0], call.output.zero_point[0])
    values |= dict(zip(POINTS, (*formats, *call.output.code_range), strict=True))
    pairs = zip(*(codes.reshape(-1).tolist() for codes in operands), strict=True)
    rows = [added(unit, a, b, values) for a, b in pairs]
    return {name: [row[name] for row in rows] for name in (*unit.stages, "output")}


def with_unit(unit: AddUnit) -> Datapath:
    """The default datapath with another add unit."""
    return datapath({"add": unit.model_dump(mode="json", exclude_none=True)})


PATHS = {name: with_unit(unit) for name, unit in UNITS.items()}


@pytest.mark.parametrize(
    "path", [*PATHS.values(), *WIDE.values(), *ROUNDINGS.values()], ids=[*PATHS, *WIDE, *ROUNDINGS]
)
def test_every_datapath(path: Datapath) -> None:
    """Exact agreement under each kind, rounding, multiplier width and register."""
    for seed in range(8):
        case = add_case(np.random.default_rng(seed), path)
        assert set(case.call.constants) == set(case.call.op.roles_on(path))
        agree(case, plain)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_scales_a_channel(path: Datapath) -> None:
    """With one zero point each, tensors with a scale a channel are added as others are, and as fast."""
    for seed in range(4):
        case = add_case(np.random.default_rng(seed), path)
        call = case.call
        inputs = [with_axis(spec, 1) for spec in call.inputs]
        changed = Case(build(Add(), inputs, with_axis(call.output, 1), dict(call.constants), path), case.operands)
        assert np.array_equal(agree(changed, plain).output, agree(case, plain).output)
        plain_steps = [planned(each, keep_all=False)[1].plain for each in (case, changed)]
        assert ("y" in plain_steps[0]) == ("y" in plain_steps[1])


@pytest.mark.parametrize("shape", [(1,), (7,), (1, 3, 1, 1), (2, 1, 3, 1, 2)])
def test_shapes(shape: tuple[int, ...]) -> None:
    """Any rank, a single number included."""
    agree(add_case(np.random.default_rng(5), shape=shape), plain)


def test_extremes() -> None:
    """Both operands at either end of their ranges."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        for case in extremes(add_case(rng), rng):
            agree(case, plain)


@pytest.mark.parametrize("path", ROUNDINGS.values(), ids=ROUNDINGS)
def test_ties(path: Datapath) -> None:
    """Sums that are odd multiples of half an output step, of both signs."""
    found = agree(add_case(np.random.default_rng(4), path, shape=(60,), ties=True), plain)
    remainder = found.stages["accumulator"] % (1 << 32)
    ties = found.stages["accumulator"][remainder == 1 << 31]
    assert (ties > 0).any()
    assert (ties < 0).any()


def by_hand(a: list[int], b: list[int], multipliers: tuple[int, int], shift: int) -> Case:
    """Zero points 1, -1 and 2."""
    spec = [tensor("a", (len(a),), zero_point=[1]), tensor("b", (len(b),), zero_point=[-1])]
    constants = {
        "multiplier_a": np.array([multipliers[0]]),
        "multiplier_b": np.array([multipliers[1]]),
        "shift": np.array([shift]),
    }
    return Case(
        build(Add(), spec, tensor("y", (len(a),), zero_point=[2]), constants, IOT_NPU),
        (np.array(a, np.int8), np.array(b, np.int8)),
    )


def test_by_hand() -> None:
    """(4 - 1)/2 + (4 + 1)/4 = 2.75 -> 3 + 2 = 5; (-2 - 1)/2 + (3 + 1)/4 = -0.5 -> 0 + 2 = 2; 63 + 32 -> 97."""
    found = agree(by_hand([4, -2, 127], [4, 3, 127], (1 << 30, 1 << 29), 31), plain)
    assert found.stages["accumulator"].tolist() == [11 << 29, -(1 << 30), (126 << 30) + (128 << 29)]
    assert found.stages["rounded"].tolist() == [3, 0, 95]
    assert found.output.tolist() == [5, 2, 97]


def test_one_rounding() -> None:
    """0.25 + 0.25 = 0.5 rounds up to 1; rounding each term first would give 0."""
    assert agree(by_hand([2], [0], (1 << 30, 1 << 30), 32), plain).stages["rounded"].tolist() == [1]


def test_a_sum_wider_than_the_mac_accumulator() -> None:
    """(254 + 1) * (2**31 - 1) * 2 needs 41 bits; the adder keeps them all."""
    found = agree(by_hand([127], [127], ((1 << 31) - 1, (1 << 31) - 1), 33), plain)
    assert found.stages["accumulator"].item() == 254 * ((1 << 31) - 1)


def past_63_bits(call: Call) -> Call:
    """32-bit codes times a 31-bit multiplier on both sides."""
    call = through({"add.operand_bits_max": 32})(call)
    wide = source(tensor("a", call.inputs[0].shape, bits=32, signed=False), 0)(
        source(tensor("b", call.inputs[1].shape, bits=32, signed=False), 1)(call)
    )
    return constant("multiplier_a", [(1 << 31) - 1])(constant("multiplier_b", [(1 << 31) - 1])(wide))


REFUSALS: dict[str, tuple[Change, str]] = {
    "multiplier_a too large": (constant("multiplier_a", [1 << 31]), "multiplier"),
    "multiplier_b too large": (constant("multiplier_b", [1 << 31]), "multiplier"),
    "multiplier_a negative": (constant("multiplier_a", [-1]), "multiplier"),
    "multiplier_b negative": (constant("multiplier_b", [-1]), "multiplier"),
    "two multipliers": (constant("multiplier_a", [1, 1]), "'multiplier_a' has the wrong shape"),
    "two shifts": (constant("shift", [8, 8]), "'shift' has the wrong shape"),
    "shift 0": (constant("shift", [0]), "shift"),
    "shift 63": (constant("shift", [63]), "shift"),
    "shift past the datapath's": (through({"add.shift_max": 1}), "shift"),
    "operands too wide": (source(tensor("a", (1, 3, 2, 3), bits=17), 0), "an operand of an add is wider"),
    "output too wide": (output(tensor("y", (1, 3, 2, 3), bits=24)), "an output of an add is wider"),
    "sum past 63 bits": (past_63_bits, "sum of an add may not fit 63 bits"),
    "zero points of a differ": (per_channel(0), "zero points differ between channels"),
    "zero points of b differ": (per_channel(1), "zero points differ between channels"),
    "zero points of the output differ": (per_channel_output(1), "zero points differ between channels"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Constants, widths and tensors that the contract excludes."""
    refused(add_case(np.random.default_rng(4), ties=True).call, change, words)


def test_the_larger_multiplier_has_its_top_bit_set() -> None:
    """Two small multipliers would waste the multiplier's precision; the contract says where the larger one lies."""
    refused(by_hand([0], [0], (1 << 30, 5), 31).call, constant("multiplier_a", [(1 << 30) - 1]), "multiplier")


def test_a_datapath_without_an_add_unit() -> None:
    """The step is refused by the unit's name."""
    call = add_case(np.random.default_rng(4)).call
    bare = replace(call, datapath=call.datapath.model_copy(update={"add": None}))
    with pytest.raises(Unsupported, match="no add unit"):
        bare.op.check(bare)


def test_shapes_refused() -> None:
    """Nothing broadcasts."""
    with pytest.raises(IllFormed, match="one shape"):
        Add().output_shape([(1, 3, 4, 4), (1, 3, 1, 1)])


def test_work() -> None:
    """18 elements: 2 products each would share one requantizer; the contract counts one of each."""
    call = add_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(None, {"multiply": 18, "add": 18, "requantize": 18})
