"""slice: kernel and judge agree; the contract's refusals; work by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from op_agreement import agree
from op_cases import slice_case
from op_changes import Change, output, refused
from op_datapaths import IOT_NPU
from op_parts import Case, build, tensor

from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Work
from bittrue.spec.ops import Slice


@pytest.mark.parametrize(("axis", "start", "stop"), [(0, 0, 1), (1, 0, 4), (1, 3, 4), (2, 1, 3), (3, 0, 1)])
def test_every_axis(axis: int, start: int, stop: int) -> None:
    """The first index, the last, all of them."""
    case = slice_case(np.random.default_rng(1), axis=axis, start=start, stop=stop)
    found = agree(case).output
    for index in np.ndindex(found.shape):
        place = list(index)
        place[axis] += start
        assert found[index] == case.operands[0][tuple(place)]


def test_by_hand() -> None:
    """Columns 1 and 2 of [[1, 2, 3], [4, 5, 6]]."""
    call = build(Slice(1, 1, 3), [tensor("x", (2, 3))], tensor("y", (2, 2)), {}, IOT_NPU)
    assert agree(Case(call, (np.array([[1, 2, 3], [4, 5, 6]], np.int8),))).output.tolist() == [[2, 3], [5, 6]]


def test_per_channel_zero_points_are_cut_along() -> None:
    """Zero points of the sliced axis are sliced; behind a slice that leaves equal ones, one may stand for all."""
    spec = tensor("x", (1, 4, 2), zero_point=(5, 6, 7, 7), axis=1)
    call = build(Slice(1, 1, 3), [spec], tensor("y", (1, 2, 2), zero_point=(6, 7), axis=1), {}, IOT_NPU)
    refused(call, output(tensor("y", (1, 2, 2), zero_point=(5, 6), axis=1)), "cannot change the code format")
    refused(call, output(tensor("y", (1, 2, 2), zero_point=(6,))), "cannot change the code format")
    build(Slice(1, 2, 4), [spec], tensor("y", (1, 2, 2), zero_point=(7,)), {}, IOT_NPU)
    build(Slice(1, 2, 4), [spec], tensor("y", (1, 2, 2), zero_point=(7, 7), axis=1), {}, IOT_NPU)


REFUSALS: dict[str, tuple[Change, str]] = {
    "another width": (lambda call: replace(call, output=replace(call.output, bits=9)), "cannot change the code format"),
    "another sign": (
        lambda call: replace(call, output=replace(call.output, signed=not call.output.signed)),
        "cannot change the code format",
    ),
    "another zero point": (
        lambda call: replace(call, output=replace(call.output, zero_point=(54321,))),
        "cannot change the code format",
    ),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """An output whose codes would mean something else."""
    refused(slice_case(np.random.default_rng(9)).call, change, words)


@pytest.mark.parametrize(
    ("axis", "start", "stop"), [(2, 0, 1), (-1, 0, 1), (0, 0, 3), (0, 1, 1), (0, 2, 1), (0, -1, 1)]
)
def test_outside(axis: int, start: int, stop: int) -> None:
    """Indices and axes that do not exist, and empty slices."""
    with pytest.raises(IllFormed, match="slice is outside"):
        Slice(axis, start, stop).output_shape([(2, 3)])


def test_work() -> None:
    """2 of 4 channels of 6 codes: 12 codes move."""
    call = slice_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(None, {"move": 12})
