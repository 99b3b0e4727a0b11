"""What becomes of per-channel values behind layout ops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bittrue.spec.errors import IllFormed
from bittrue.spec.layout import LAYOUT_OPS, LayoutOp, carry
from bittrue.spec.ops import OPS, Permute, Reshape, Slice

CHANNELS = np.array([5, 6, 7, 8])
SHAPE = (1, 4, 2, 3)


def test_one_value_stays_one_value() -> None:
    """A tensor with one zero point has one behind any layout op."""
    values, axis = carry(Reshape((24,)), np.array([9]), None, SHAPE)
    assert (values.tolist(), axis) == ([9], None)


@pytest.mark.parametrize(
    ("op", "wanted", "wanted_axis"),
    [
        (Permute((0, 2, 3, 1)), [5, 6, 7, 8], 3),
        (Permute((1, 0, 2, 3)), [5, 6, 7, 8], 0),
        (Reshape((4, 6)), [5, 6, 7, 8], 0),
        (Reshape((1, 4, 1, 6)), [5, 6, 7, 8], 1),
        (Reshape((8, 3)), [5, 5, 6, 6, 7, 7, 8, 8], 0),
        (Reshape((24,)), [5] * 6 + [6] * 6 + [7] * 6 + [8] * 6, 0),
        (Slice(1, 1, 3), [6, 7], 1),
        (Slice(3, 0, 1), [5, 6, 7, 8], 1),
        (Slice(1, 2, 3), [7], None),
    ],
    ids=str,
)
def test_carry(op: LayoutOp, wanted: list[int], wanted_axis: int | None) -> None:
    """Values move with their channel; one value is left where one channel is left."""
    values, axis = carry(op, CHANNELS, 1, SHAPE)
    assert (values.tolist(), axis) == (wanted, wanted_axis)


@pytest.mark.parametrize("shape", [(2, 2, 6), (2, 12), (6, 4)], ids=str)
def test_a_split_axis(shape: tuple[int, ...]) -> None:
    """Channels that a reshape spreads over two axes have no one axis to belong to."""
    with pytest.raises(IllFormed, match="more than one axis"):
        carry(Reshape(shape), CHANNELS, 1, SHAPE)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.permutations(range(4)), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_carried_values_are_the_values_of_the_elements(axes: list[int], axis: int, seed: int) -> None:
    """Every element keeps the value that its channel had, whatever the permutation."""
    shape = (2, 3, 4, 5)
    values = np.random.default_rng(seed).integers(-9, 9, shape[axis])
    expanded = values.reshape([-1 if i == axis else 1 for i in range(4)])
    wanted = np.broadcast_to(expanded, shape).transpose(axes)
    carried, where = carry(Permute(tuple(axes)), values, axis, shape)
    assert (np.broadcast_to(carried.reshape([-1 if i == where else 1 for i in range(4)]), wanted.shape) == wanted).all()


def test_equal_values_collapse() -> None:
    """Values that agree in every channel are one value."""
    values, axis = carry(Permute((0, 2, 3, 1)), np.array([4, 4, 4, 4]), 1, SHAPE)
    assert (values.tolist(), axis) == ([4], None)


def test_layout_ops_are_the_ops_that_only_move() -> None:
    """The list of names is the list of LayoutOps."""
    assert {name for name, op in OPS.items() if issubclass(op, LayoutOp)} == set(LAYOUT_OPS)
