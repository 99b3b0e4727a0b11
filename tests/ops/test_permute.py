"""permute: kernel and judge agree; the contract's refusals; work by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from op_agreement import agree
from op_cases import permute_case
from op_changes import Change, output, refused
from op_datapaths import IOT_NPU
from op_parts import Case, build, tensor

from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Work
from bittrue.spec.ops import Permute


def test_every_order() -> None:
    """output[i0, i1, i2, i3] is the input at the index whose axis axes[k] is i_k."""
    for axes in permutations(range(4)):
        case = permute_case(np.random.default_rng(1), shape=(2, 4, 3, 5), axes=axes)
        found, codes = agree(case).output, case.operands[0]
        for index in np.ndindex(found.shape):
            place = [0] * 4
            for k, axis in enumerate(axes):
                place[axis] = index[k]
            assert found[index] == codes[tuple(place)]


def test_by_hand() -> None:
    """Axes (1, 2, 0) of [2, 1, 3]: the result is [1, 3, 2]."""
    call = build(Permute((1, 2, 0)), [tensor("x", (2, 1, 3))], tensor("y", (1, 3, 2)), {}, IOT_NPU)
    found = agree(Case(call, (np.array([[[1, 2, 3]], [[4, 5, 6]]], np.int8),)))
    assert found.output.tolist() == [[[1, 4], [2, 5], [3, 6]]]


def test_one_axis() -> None:
    """The only order of one axis changes nothing."""
    case = permute_case(np.random.default_rng(2), shape=(7,), axes=(0,))
    assert agree(case).output.tolist() == case.operands[0].tolist()


def test_per_channel_zero_points_move_along() -> None:
    """Zero points of axis 1 belong to the axis that axis 1 becomes, and to no other."""
    points = (5, 6, 7)
    spec = tensor("x", (1, 3, 2, 3), zero_point=points, axis=1)
    call = build(Permute((0, 2, 3, 1)), [spec], tensor("y", (1, 2, 3, 3), zero_point=points, axis=3), {}, IOT_NPU)
    refused(call, output(tensor("y", (1, 2, 3, 3), zero_point=points, axis=2)), "cannot change the code format")
    refused(call, output(tensor("y", (1, 2, 3, 3), zero_point=points[::-1], axis=3)), "cannot change the code format")
    refused(call, output(tensor("y", (1, 2, 3, 3), zero_point=(5,))), "cannot change the code format")


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
    refused(permute_case(np.random.default_rng(9)).call, change, words)


@pytest.mark.parametrize("axes", [(0, 1), (0, 1, 1), (1, 2, 3), (0, 1, -1), (0, 1, 2, 3), ()], ids=str)
def test_axes_refused(axes: tuple[int, ...]) -> None:
    """Each axis of the input once."""
    with pytest.raises(IllFormed, match="permute axes"):
        Permute(axes).output_shape([(2, 3, 4)])


def test_work() -> None:
    """24 codes move."""
    call = permute_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(None, {"move": 24})
