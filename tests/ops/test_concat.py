"""concat: kernel, judge and Python integers agree; the contract's refusals; work by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from op_agreement import Array, agree, extremes
from op_cases import concat_case
from op_changes import Change, constant, output, per_channel, per_channel_output, refused, source, through
from op_datapaths import IOT_NPU, ROUNDINGS, WIDE, datapath
from op_parts import Case, build, tensor, with_axis
from op_parts import codes as random_codes
from plain_units import requantized
from plan_agreement import planned

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Work
from bittrue.spec.ops import Concat


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """Each part requantized by its own pair."""
    op, unit, (zero_point,), (low, high) = call.op, call.requantizer, call.output.zero_point, call.output.code_range
    assert isinstance(op, Concat)
    parts = []
    for codes, spec, multiplier, shift in zip(
        operands, call.inputs, call.constants["multiplier"], call.constants["shift"], strict=True
    ):
        values = [q - spec.zero_point[0] for q in codes.reshape(-1).tolist()]
        rows = [requantized(unit, value, int(multiplier), int(shift), zero_point, low, high) for value in values]
        parts.append(np.array([row["output"] for row in rows]).reshape(spec.shape))
    return {"output": np.concatenate(parts, axis=op.axis)}


@pytest.mark.parametrize("path", [IOT_NPU, *WIDE.values(), *ROUNDINGS.values()], ids=["iot_npu", *WIDE, *ROUNDINGS])
def test_every_datapath(path: Datapath) -> None:
    """Exact agreement under each rounding and multiplier width."""
    for seed in range(6):
        agree(concat_case(np.random.default_rng(seed), path), plain)


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
@pytest.mark.parametrize("parts", [(1,), (1, 1), (3, 1, 2, 1)])
def test_axes(axis: int, parts: tuple[int, ...]) -> None:
    """Any axis, one input or several."""
    agree(concat_case(np.random.default_rng(5), axis=axis, parts=parts), plain)


def test_extremes() -> None:
    """Every operand at either end of its range."""
    rng = np.random.default_rng(6)
    for case in extremes(concat_case(rng), rng):
        agree(case, plain)


@pytest.mark.parametrize("path", ROUNDINGS.values(), ids=ROUNDINGS)
def test_ties(path: Datapath) -> None:
    """Codes that are odd multiples of half an output step: a quarter of all at shift + 1."""
    case = concat_case(np.random.default_rng(4), path, parts=(20, 20), ties=True)
    agree(case, plain)
    differences = np.concatenate(
        [
            (codes.astype(int) - spec.zero_point[0]).reshape(-1)
            for codes, spec in zip(case.operands, case.call.inputs, strict=True)
        ]
    )
    ties = differences[differences % 4 == 2]
    assert (ties > 0).any()
    assert (ties < 0).any()


def test_an_equal_input_passes_unchanged() -> None:
    """Multiplier 2**30, shift 30, the output's zero point: every code of 8 bits is itself."""
    spec = tensor("x", (256,), zero_point=[17])
    constants = {"multiplier": np.array([1 << 30, 1 << 30]), "shift": np.array([30, 30])}
    call = build(Concat(0), [spec, spec], tensor("y", (512,), zero_point=[17]), constants, IOT_NPU)
    codes = np.arange(-128, 128).astype(np.int8)
    assert agree(Case(call, (codes, codes[::-1].copy())), plain).output.tolist() == [
        *range(-128, 128),
        *range(127, -129, -1),
    ]


def test_by_hand() -> None:
    """(9 - 4)/2 = 2.5 -> 3 + 1 = 4; (-100 - 20) * 2 = -240 + 1 saturates at -128."""
    spec = [tensor("a", (1,), zero_point=[4]), tensor("b", (1,), zero_point=[20])]
    constants = {"multiplier": np.array([1 << 30, 1 << 30]), "shift": np.array([31, 29])}
    call = build(Concat(0), spec, tensor("y", (2,), zero_point=[1]), constants, IOT_NPU)
    assert agree(Case(call, (np.array([9], np.int8), np.array([-100], np.int8))), plain).output.tolist() == [4, -128]


def past_63_bits(call: Call) -> Call:
    """32-bit codes, a far zero point, the largest multiplier."""
    wide = source(tensor("x1", (1, 1, 2, 3), bits=32, signed=False, zero_point=[-(1 << 30)]), 1)(call)
    return constant("multiplier", [(1 << 31) - 1] * 3)(wide)


REFUSALS: dict[str, tuple[Change, str]] = {
    "one multiplier for all": (constant("multiplier", [1 << 30]), "for each input"),
    "one shift for all": (constant("shift", [31]), "for each input"),
    "multiplier too small": (constant("multiplier", [1 << 30, 1 << 29, 1 << 30]), "multiplier"),
    "multiplier too large": (constant("multiplier", [1 << 30, 1 << 30, 1 << 31]), "multiplier"),
    "shift 0": (constant("shift", [31, 0, 31]), "shift"),
    "shift 63": (constant("shift", [31, 31, 63]), "shift"),
    "shift past the datapath's": (through({"requantization.shift_max": 1}), "shift"),
    "input past 63 bits": (past_63_bits, "scaled accumulator may not fit 63 bits"),
    "an input per channel": (per_channel(2), "per-channel"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Constants, widths and tensors that the contract excludes."""
    refused(concat_case(np.random.default_rng(9), ties=True).call, change, words)


def test_output_per_channel() -> None:
    """Concat has one output zero point."""
    refused(concat_case(np.random.default_rng(4)).call, per_channel_output(1), "axis 1")


@pytest.mark.parametrize(
    ("axis", "shapes"), [(2, [(2, 3), (2, 3)]), (-1, [(2, 3), (2, 3)]), (0, [(2, 3), (2, 4)]), (1, [(2, 3), (2, 3, 1)])]
)
def test_shapes_refused(axis: int, shapes: list[tuple[int, ...]]) -> None:
    """An axis that does not exist; inputs that differ outside it."""
    with pytest.raises(IllFormed):
        Concat(axis).output_shape(shapes)


COPY, TABLE = datapath({"concat": {"kind": "copy"}}), datapath({"concat": {"kind": "table"}})


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_copy(axis: int) -> None:
    """Codes of one format move unchanged; there are no constants."""
    case = concat_case(np.random.default_rng(axis), COPY, axis=axis)
    assert case.call.op.roles_on(COPY) == ()
    agree(case, lambda call, operands: {"output": np.concatenate(operands, axis=axis)})


@pytest.mark.parametrize("seed", range(4))
def test_table(seed: int) -> None:
    """Every input through its own table, indexed from the lowest code."""
    case = concat_case(np.random.default_rng(seed), TABLE, axis=1)
    wanted = []
    for table, codes, spec in zip(case.call.constants["table"], case.operands, case.call.inputs, strict=True):
        lowest = -(2 ** (spec.bits - 1)) if spec.signed else 0
        wanted.append(np.array([int(table[q - lowest]) for q in codes.reshape(-1).tolist()]).reshape(spec.shape))
    agree(case, lambda call, operands: {"output": np.concatenate(wanted, axis=1)})


def beside(axis: int, path: Datapath, *, copies: bool, along: int | None = None) -> Case:
    """A zero point for each index of `along` (the concat axis where None), in inputs and output; one input has one."""
    rng, shapes = np.random.default_rng(axis), [(2, 3, 2, 3), (2, 3, 2, 3)]
    along = axis if along is None else along
    points = [rng.integers(-128, 128, shape[along]).tolist() for shape in shapes]
    if along == axis:
        points[1] = points[1][:1] * 3 if axis in (1, 3) else points[1][:1] * 2
    else:
        points[1] = points[0]
    inputs = [with_axis(tensor(f"x{i}", shapes[i]), along, points[i]) for i in range(2)]
    if along == axis:
        inputs[1] = tensor("x1", shapes[1], zero_point=points[1][:1])
    op = Concat(axis, copies=copies)
    output = tensor("y", op.output_shape(shapes))
    output = with_axis(output, along, points[0] + points[1] if along == axis else points[0])
    return Case(build(op, inputs, output, {}, path), tuple(random_codes(rng, spec) for spec in inputs))


@pytest.mark.parametrize("along", [None, 1])
@pytest.mark.parametrize("axis", [0, 1, 2, 3])
@pytest.mark.parametrize(("path", "copies"), [(IOT_NPU, True), (TABLE, True), (COPY, False), (COPY, True)])
def test_copies_with_a_zero_point_a_channel(path: Datapath, copies: bool, axis: int, along: int | None) -> None:
    """The formats side by side are the output's: codes move on any datapath, and there are no constants."""
    case = beside(axis, path, copies=copies, along=along)
    assert case.call.op.roles_on(path) == ()
    agree(case, lambda call, operands: {"output": np.concatenate(operands, axis=axis)})
    assert case.call.op.work(case.call) == Work(None, {"move": case.call.output.size})


def test_copies_of_images_are_fast() -> None:
    """Channels of an image join in the fast machine."""
    inputs = [with_axis(tensor(f"x{i}", (1, 2, 4, 8)), 1, [i, 7]) for i in range(2)]
    output = with_axis(tensor("y", (1, 4, 4, 8)), 1, [0, 7, 1, 7])
    call = build(Concat(1, copies=True), inputs, output, {}, IOT_NPU)
    case = Case(call, tuple(random_codes(np.random.default_rng(i), spec) for i, spec in enumerate(inputs)))
    agree(case, lambda call, operands: {"output": np.concatenate(operands, axis=1)})
    assert case.call.output.name not in planned(case, keep_all=False)[1].plain


def test_copies_refuses_another_zero_point_at_one_index() -> None:
    """One channel of one input that means something else than the output's channel there."""
    call = beside(1, IOT_NPU, copies=True).call
    points = (*call.output.zero_point[:2], 99 if call.output.zero_point[2] != 99 else 98, *call.output.zero_point[3:])
    refused(call, output(with_axis(call.output, 1, points)), "another format than the output")
    refused(call, output(with_axis(call.output, 1, call.output.zero_point[::-1])), "another format")


OTHER_FORMATS: dict[str, tuple[Change, str]] = {
    "zero point": (source(tensor("x1", (1, 1, 2, 3), zero_point=[99]), 1), "another format than the output"),
    "width": (source(tensor("x1", (1, 1, 2, 3), bits=7), 1), "another format than the output"),
    "an input per channel": (per_channel(2), "another format than the output"),
    "output per channel": (per_channel_output(1), "another format than the output"),
}


@pytest.mark.parametrize(("change", "words"), OTHER_FORMATS.values(), ids=OTHER_FORMATS)
def test_copy_refusals(change: Change, words: str) -> None:
    """Codes that do not mean the same cannot be copied."""
    refused(concat_case(np.random.default_rng(2), COPY).call, change, words)


BAD_TABLES: dict[str, tuple[Change, str]] = {
    "one table for all": (constant("table", [[0] * 256]), "'table' has the wrong shape"),
    "short tables": (constant("table", [[0] * 255] * 3), "'table' has the wrong shape"),
    "a flat table": (constant("table", [0] * 256), "'table' has the wrong shape"),
    "an input of another width": (source(tensor("x1", (1, 1, 2, 3), bits=9), 1), "'table' has the wrong shape"),
    "entries past the output": (constant("table", [[128] * 256] * 3), "no output codes"),
    "output too narrow": (output(tensor("y", (1, 6, 2, 3), bits=4)), "no output codes"),
}


@pytest.mark.parametrize(("change", "words"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_table_refusals(change: Change, words: str) -> None:
    """One entry for each code of each input, each an output code."""
    case = next(case for case in map(of_tables, range(99)) if case.call.inputs[0].bits == 8)
    refused(case.call, change, words)


def of_tables(seed: int) -> Case:
    """A case whose inputs go through tables."""
    return concat_case(np.random.default_rng(seed), TABLE)


@pytest.mark.parametrize(("path", "kind"), [(IOT_NPU, "requantize"), (COPY, "move"), (TABLE, "table")])
def test_work(path: Datapath, kind: str) -> None:
    """6 channels of 6 codes: 36 requantizations, moves or table reads."""
    call = concat_case(np.random.default_rng(0), path).call
    assert call.op.work(call) == Work(None, {kind: 36})
