"""reshape: kernel and judge agree; the contract's refusals; work by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from op_agreement import agree
from op_cases import reshape_case
from op_changes import Change, output, refused
from op_datapaths import IOT_NPU
from op_parts import Case, build, tensor

from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Work
from bittrue.spec.ops import Reshape


@pytest.mark.parametrize("wanted", [(24,), (1, 24), (4, 3, 2), (2, 2, 2, 3), (1, 4, 3, 2), (24, 1, 1)], ids=str)
def test_shapes(wanted: tuple[int, ...]) -> None:
    """The codes keep their row-major order."""
    case = reshape_case(np.random.default_rng(1), wanted=wanted)
    assert agree(case).output.reshape(-1).tolist() == case.operands[0].reshape(-1).tolist()


def test_a_strided_operand() -> None:
    """Row-major means the order of the indices, not of the memory."""
    case = reshape_case(np.random.default_rng(2), shape=(3, 4), wanted=(12,))
    strided = np.asfortranarray(case.operands[0])
    assert agree(Case(case.call, (strided,))).output.tolist() == [
        int(strided[i, j]) for i in range(3) for j in range(4)
    ]


def test_by_hand() -> None:
    """[[1, 2, 3], [4, 5, 6]] as [3, 2]."""
    call = build(Reshape((3, 2)), [tensor("x", (2, 3))], tensor("y", (3, 2)), {}, IOT_NPU)
    assert agree(Case(call, (np.array([[1, 2, 3], [4, 5, 6]], np.int8),))).output.tolist() == [[1, 2], [3, 4], [5, 6]]


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
    "a zero point a row": (output(tensor("y", (2, 2, 6), zero_point=(1, 2), axis=0)), "cannot change the code format"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """An output whose codes would mean something else."""
    refused(reshape_case(np.random.default_rng(9)).call, change, words)


def test_element_count() -> None:
    """A reshape neither drops nor invents codes."""
    with pytest.raises(IllFormed, match="number of elements"):
        Reshape((5, 5)).output_shape([(4, 6)])


def test_work() -> None:
    """Nothing moves."""
    call = reshape_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(None, {})
