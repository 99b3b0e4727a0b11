"""Layouts: every element once, its position and back, and the orders that the names promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bittrue.golden.vectors.layout import FILL, ROW_MAJOR, Layout, Loop, elements_of, layout_of, positions_of
from bittrue.spec.errors import BadInput

EXAMPLES = settings(max_examples=100, deadline=None, derandomize=True)

NAMES = ("row-major", "nhwc", "nc3hw", "nc32hw", "tiles2x3", "tiles16x16", "k2", "k64", "k3@0", "k2@-2", "k5@-4")
SHAPES = st.lists(st.integers(1, 5), min_size=0, max_size=5).map(tuple)


@EXAMPLES
@given(st.sampled_from(NAMES), SHAPES)
def test_every_element_stands_once(name: str, shape: tuple[int, ...]) -> None:
    """Positions and elements are inverse; what is no element is filling."""
    layout = layout_of(name, shape)
    layout.check(shape)
    elements, positions = elements_of(layout, shape), positions_of(layout, shape)
    count = math.prod(shape)
    assert np.array_equal(elements[positions], np.arange(count))
    assert np.array_equal(np.sort(elements[elements != FILL]), np.arange(count))
    assert (np.bincount(positions, minlength=elements.size) == (elements != FILL)).all()


def order(name: str, shape: tuple[int, ...]) -> list[tuple[int, ...] | None]:
    """The coordinates in their order in the stream; None for filling."""
    elements = elements_of(layout_of(name, shape), shape)
    return [None if e == FILL else tuple(int(i) for i in np.unravel_index(e, shape)) for e in elements]


def test_nhwc_is_a_transposition() -> None:
    """The channel runs fastest; axes in front stay outermost."""
    array = np.arange(2 * 1 * 3 * 2 * 2).reshape(2, 1, 3, 2, 2)
    stream = array.reshape(-1)[elements_of(layout_of("nhwc", array.shape), array.shape)]
    assert np.array_equal(stream, array.transpose(0, 1, 3, 4, 2).reshape(-1))


def test_blocks_of_channels_are_filled_up() -> None:
    """NC2HW of three channels: two blocks, the second with a filled channel, channel fastest."""
    assert order("nc2hw", (3, 1, 2)) == [(0, 0, 0), (1, 0, 0), (0, 0, 1), (1, 0, 1), (2, 0, 0), None, (2, 0, 1), None]


def test_tiles_of_a_matrix() -> None:
    """2x2 tiles of a 3x3 matrix, tile after tile by rows of tiles, each row-major, filled at the edges."""
    assert order("tiles2x2", (3, 3)) == [
        (0, 0), (0, 1), (1, 0), (1, 1), (0, 2), None, (1, 2), None,
        (2, 0), (2, 1), None, None, (2, 2), None, None, None,
    ]  # fmt: skip


def test_splits_of_k() -> None:
    """Splits are outermost: of the last axis, or of the named one; each split is walked in the array's own order."""
    assert order("k2", (2, 3)) == [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), None, (1, 2), None]
    assert order("k2@-2", (3, 2)) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), None, None]
    assert order("k2@0", (3,)) == [(0,), (1,), (2,), None]


def test_arrays_with_fewer_axes_stay_row_major() -> None:
    """A vector has no channels, rows or tiles; a single number has no axis at all."""
    for name in ("nhwc", "nc32hw", "tiles4x4", "k2@-3"):
        assert layout_of(name, (5,)) == ROW_MAJOR == layout_of(name, ())


@pytest.mark.parametrize(
    "name", ["", "nchw ", "nc0hw", "tiles0x3", "tiles3", "k0", "k2@", "k2@1.5", "../x", "nc999999hw"]
)
def test_unknown_names_are_refused(name: str) -> None:
    """With the known ones."""
    with pytest.raises(BadInput, match="unknown layout") as error:
        layout_of(name, (2, 3, 4))
    assert "nhwc" in str(error.value.expected)


@pytest.mark.parametrize(
    "loops",
    [
        [(0, 2, 1), (0, 2, 1)],  # an index twice
        [(0, 2, 3), (0, 2, 1)],  # index 2 never
        [(0, 3, 2)],  # index 1 never
    ],
)
def test_loops_that_do_not_reach_each_index_once_are_refused(loops: list[tuple[int, int, int]]) -> None:
    """A stranger's manifest may state any loops."""
    with pytest.raises(ValueError, match="each index once"):
        Layout(name="odd", loops=tuple(Loop(axis=a, size=n, stride=s) for a, n, s in loops))


@pytest.mark.parametrize(
    ("shape", "loops"),
    [
        ((2, 3), [(1, 3, 1)]),  # axis 0 is not walked
        ((2,), [(0, 2, 1), (1, 2, 1)]),  # an axis that is not there
        ((4,), [(0, 3, 1)]),  # the last element is not reached
        ((2,), [(0, 1 << 20, 1)]),  # filling, nearly all of it
    ],
)
def test_loops_that_do_not_suit_an_array_are_refused(shape: tuple[int, ...], loops: list[tuple[int, int, int]]) -> None:
    """So that no hostile layout allocates more than the array suggests."""
    layout = Layout(name="odd", loops=tuple(Loop(axis=a, size=n, stride=s) for a, n, s in loops))
    with pytest.raises(ValueError, match="layout odd"):
        layout.check(shape)
