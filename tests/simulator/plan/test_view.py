"""Views against numpy: the same elements under every chain of reshapes, permutes and slices."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bittrue.simulator.plan.view import View, common_runs

SHAPES = [(1, 6, 4, 4), (4, 9, 2), (12,), (2, 3, 4, 5), (1, 1, 8), (7, 1)]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_chains_of_layout_steps(data: st.DataObject) -> None:
    """What a view reads from a flat buffer is what numpy makes of the array; a refusal is a reshape or slice."""
    shape = data.draw(st.sampled_from(SHAPES))
    order = data.draw(st.permutations(range(len(shape))))
    buffer = np.arange(math.prod(shape))
    view: View = View.dense(shape, order)
    array = buffer.reshape([shape[axis] for axis in order]).transpose(np.argsort(order))
    for _ in range(data.draw(st.integers(1, 5))):
        step = data.draw(st.sampled_from(["reshape", "permute", "slice"]))
        if step == "permute":
            axes = data.draw(st.permutations(range(array.ndim)))
            view, array = view.permute(axes), array.transpose(axes)
        elif step == "reshape":
            wanted = data.draw(st.sampled_from(_factorizations(array.size)))
            if (reshaped := view.reshape(wanted)) is not None:
                view, array = reshaped, array.reshape(wanted)
        else:
            axis = data.draw(st.integers(0, array.ndim - 1))
            start = data.draw(st.integers(0, array.shape[axis] - 1))
            stop = data.draw(st.integers(start + 1, array.shape[axis]))
            if (part := view.slice(axis, start, stop)) is not None:
                view, array = part, array.take(range(start, stop), axis)
        assert view.shape == array.shape
        assert (buffer[view.offsets()] == array.reshape(-1)).all()
        assert (np.ascontiguousarray(view.array(buffer)).reshape(array.shape) == array).all()
        for axis in range(array.ndim):
            run = view.run(axis)
            lines = np.moveaxis(array, axis, -1)
            assert run is None or (np.diff(lines, axis=-1) == run).all()


def _factorizations(size: int) -> list[tuple[int, ...]]:
    found = [(size,), (1, size), (size, 1)]
    for a in range(2, size):
        if size % a == 0:
            found.append((a, size // a))
            found += [(a, b, size // a // b) for b in range(1, size // a + 1) if (size // a) % b == 0]
    return found


def test_reshapes_that_split_a_factor_unevenly_are_refused() -> None:
    """Two axes of 4 and 6 that lie apart cannot be cut into 3 and 8 without moving."""
    apart = View(0, (((4, 100),), ((6, 1),)))
    assert apart.reshape((3, 8)) is None
    assert apart.reshape((2, 12)) is not None
    assert View.dense((4, 6)).permute((1, 0)).reshape((24,)) is not None  # one axis of two factors
    assert View(0, (((2, 50), (6, 1)),)).slice(0, 3, 6) is None


def test_the_patches_of_an_image_move_nothing() -> None:
    """MobileViT's unfolding of 2x2 patches, on channels that lie innermost: a token is a pixel in its place."""
    image = View.dense((1, 8, 4, 4), (0, 2, 3, 1))
    tokens: View | None = image
    for shape, axes in (((16, 2, 2, 2), (0, 2, 1, 3)), ((1, 8, 4, 4), (0, 3, 2, 1)), ((4, 4, 8), None)):
        assert tokens is not None
        tokens = tokens.reshape(shape)
        tokens = tokens.permute(axes) if tokens is not None and axes else tokens
    assert tokens is not None and tokens.run(2) == 1 and tokens.shape == (4, 4, 8)
    assert sorted(tokens.offsets([0, 1])) == [8 * pixel for pixel in range(16)]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.sampled_from(SHAPES), st.data())
def test_common_runs_visit_every_element_once(shape: tuple[int, ...], data: st.DataObject) -> None:
    """The runs of several views pair the same elements, all of them, and lie in the last one's memory order."""
    views = [View.dense(shape, data.draw(st.permutations(range(len(shape))))) for _ in range(2)]
    runs = common_runs(views)
    if runs is None:
        return
    steps = np.arange(runs.length)
    first, last = ((starts[:, None] + steps).reshape(-1) for starts in runs.starts)
    pairs = dict(zip(views[0].offsets().tolist(), views[1].offsets().tolist(), strict=True))
    assert [pairs[place] for place in first.tolist()] == last.tolist() == list(range(math.prod(shape)))


def test_a_repeated_axis_has_no_stride() -> None:
    """A factor of a product that is 1 long along an axis is read again for all of the other's."""
    wide, narrow = View.dense((1, 4, 3, 5), (0, 2, 3, 1)), View.dense((1, 4, 3, 1), (0, 2, 3, 1))
    runs = common_runs([wide, narrow.broadcast((1, 4, 3, 5)), wide])
    assert runs is not None and runs.length == 4
    assert runs.starts[1].tolist() == [4 * row for row in range(3) for _ in range(5)]
