"""sub: kernel, judge and Python integers agree; the contract's refusals; work by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from op_agreement import Array, agree, extremes
from op_cases import add_case, sub_case
from op_changes import Change, constant, output, per_channel, per_channel_output, refused, source
from op_datapaths import IOT_NPU, ROUNDINGS, WIDE, datapath
from op_parts import Case, build, tensor, with_axis
from plain_add import UNITS, quotient
from plain_units import saturated

from bittrue.golden.ops import JUDGES
from bittrue.spec.arithmetic import clamp
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed, Unsupported
from bittrue.spec.op import Call, Work
from bittrue.spec.ops import Sub
from bittrue.spec.ops.sub import SUBTRACTING
from bittrue.spec.units.add import PowerOfTwoAdd, TwoMultipliersAdd

PATHS: dict[str, Datapath] = {
    name: datapath({"add": unit.model_dump(mode="json", exclude_none=True)}) for name, unit in UNITS.items()
}
EXACT = {name: path for name, path in PATHS.items() if UNITS[name].kind in SUBTRACTING}


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """The difference of the scaled operands, element by element."""
    unit = call.datapath.add
    a, b = (
        [int(q) - spec.zero_point[0] for q in codes.reshape(-1)]
        for codes, spec in zip(operands, call.inputs, strict=True)
    )
    value = {role: int(array[0]) for role, array in call.constants.items()}
    if isinstance(unit, TwoMultipliersAdd):
        sums = [x * value["multiplier_a"] - y * value["multiplier_b"] for x, y in zip(a, b, strict=True)]
    else:
        assert isinstance(unit, PowerOfTwoAdd)
        sums = [x * 2 ** value["shift_a"] - y * 2 ** value["shift_b"] for x, y in zip(a, b, strict=True)]
    before = rounded = [quotient(total, value["shift"], unit.rounding) for total in sums]
    found = {"accumulator": sums, "rounded": rounded}
    if isinstance(unit, TwoMultipliersAdd) and unit.shifted_bits is not None:
        before = found["limited"] = [saturated(value, unit.shifted_bits) for value in rounded]
    point, ends = call.output.zero_point[0], call.output.code_range
    return {**found, "output": [clamp(value + point, *ends) for value in before]}


@pytest.mark.parametrize(
    "path", [*EXACT.values(), *WIDE.values(), *ROUNDINGS.values()], ids=[*EXACT, *WIDE, *ROUNDINGS]
)
def test_every_datapath(path: Datapath) -> None:
    """Exact agreement under each kind that subtracts, each rounding, multiplier width and register."""
    for seed in range(8):
        agree(sub_case(np.random.default_rng(seed), path), plain)


@pytest.mark.parametrize("path", EXACT.values(), ids=EXACT)
def test_scales_a_channel(path: Datapath) -> None:
    """With one zero point each, tensors with a scale a channel are subtracted as others are."""
    for seed in range(4):
        case = sub_case(np.random.default_rng(seed), path)
        inputs, target = [with_axis(spec, 1) for spec in case.call.inputs], with_axis(case.call.output, 1)
        changed = Case(build(Sub(), inputs, target, dict(case.call.constants), path), case.operands)
        assert np.array_equal(agree(changed, plain).output, agree(case, plain).output)


@pytest.mark.parametrize("shape", [(1,), (7,), (1, 3, 1, 1), (2, 1, 3, 1, 2)])
def test_shapes(shape: tuple[int, ...]) -> None:
    """Any rank, a single number included."""
    agree(sub_case(np.random.default_rng(5), shape=shape), plain)


def test_extremes() -> None:
    """Both operands at either end of their ranges: the lowest code has no negative of its width."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        for case in extremes(sub_case(rng), rng):
            agree(case, plain)


@pytest.mark.parametrize("path", ROUNDINGS.values(), ids=ROUNDINGS)
def test_ties(path: Datapath) -> None:
    """Differences that are odd multiples of half an output step, of both signs."""
    cases = [sub_case(np.random.default_rng(seed), path, shape=(60,), ties=True) for seed in range(4, 8)]
    sums = np.concatenate([agree(case, plain).stages["accumulator"] for case in cases])
    ties = sums[sums % (1 << 32) == 1 << 31]
    assert (ties > 0).any()
    assert (ties < 0).any()


def test_by_hand() -> None:
    """Zero points 1, -1 and 2. (4 - 1)/2 - (4 + 1)/4 = 0.25 -> 0 + 2; (-2 - 1)/2 - (3 + 1)/4 = -2.5 -> -2 + 2 = 0;
    (-128 - 1)/2 - (127 + 1)/4 = -96.5 -> -96 + 2."""
    inputs = [tensor("a", (3,), zero_point=[1]), tensor("b", (3,), zero_point=[-1])]
    constants = {"multiplier_a": np.array([1 << 30]), "multiplier_b": np.array([1 << 29]), "shift": np.array([31])}
    call = build(Sub(), inputs, tensor("y", (3,), zero_point=[2]), constants, IOT_NPU)
    found = agree(Case(call, (np.array([4, -2, -128], np.int8), np.array([4, 3, 127], np.int8))), plain)
    assert found.stages["rounded"].tolist() == [0, -2, -96]
    assert found.output.tolist() == [2, 0, -94]


def test_less_the_mirrored_operand_is_add() -> None:
    """a - b = a + b' where b' lies on the other side of b's zero point."""
    case = add_case(np.random.default_rng(3))
    a, b = case.call.inputs
    mirrored = tensor("b", b.shape, bits=16, zero_point=(-b.zero_point[0],))
    operands = case.operands[0], (-case.operands[1].astype(np.int16))
    less = agree(Case(replace(case.call, op=Sub(), inputs=(a, mirrored)), operands), plain)
    assert (less.output == agree(case).output).all()


REFUSALS: dict[str, tuple[Change, str]] = {
    "multiplier_b too large": (constant("multiplier_b", [1 << 31]), "multiplier"),
    "multiplier_b negative": (constant("multiplier_b", [-1]), "multiplier"),
    "two shifts": (constant("shift", [8, 8]), "'shift' has the wrong shape"),
    "shift 63": (constant("shift", [63]), "shift"),
    "operands too wide": (source(tensor("a", (1, 3, 2, 3), bits=17), 0), "an operand of an add is wider"),
    "output too wide": (output(tensor("y", (1, 3, 2, 3), bits=24)), "an output of an add is wider"),
    "zero points of a differ": (per_channel(0), "zero points differ between channels"),
    "zero points of b differ": (per_channel(1), "zero points differ between channels"),
    "zero points of the output differ": (per_channel_output(1), "zero points differ between channels"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Constants, widths and tensors that add excludes as well."""
    refused(sub_case(np.random.default_rng(4), ties=True).call, change, words)


@pytest.mark.parametrize("name", sorted(set(PATHS) - set(EXACT)))
def test_units_that_round_before_the_sum(name: str) -> None:
    """What a negated operand means there is not stated anywhere: refused by the unit's kind."""
    call = add_case(np.random.default_rng(4), PATHS[name]).call
    with pytest.raises(Unsupported, match="does not subtract"):
        replace(call, op=Sub()).op.check(replace(call, op=Sub()))
    assert "sub" in JUDGES


def test_a_datapath_without_an_add_unit() -> None:
    """The step is refused by the unit's name."""
    call = sub_case(np.random.default_rng(4)).call
    bare = replace(call, datapath=call.datapath.model_copy(update={"add": None}))
    with pytest.raises(Unsupported, match="no add unit"):
        bare.op.check(bare)


def test_shapes_refused() -> None:
    """Nothing broadcasts."""
    with pytest.raises(IllFormed, match="sub takes two tensors of one shape"):
        Sub().output_shape([(1, 3, 4, 4), (1, 3, 1, 1)])


def test_work() -> None:
    """18 elements, as add."""
    call = sub_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(None, {"multiply": 18, "add": 18, "requantize": 18})
