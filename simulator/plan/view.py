"""Where the elements of a tensor lie in its buffer, so that reshapes, permutes and slices move nothing.

Each logical axis is a row of factors (size, stride), outermost first: index i along an axis of factors
(n1, s1), (n2, s2) lies at (i // n2) * s1 + (i % n2) * s2. A reshape regroups factors and splits them where it
must; a permute reorders the groups; a slice moves the base. Strides count elements.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Factor = tuple[int, int]
"""(size, stride); stride 0 repeats one element."""


@dataclass(frozen=True)
class View:
    """See the module docstring."""

    base: int
    axes: tuple[tuple[Factor, ...], ...]

    @classmethod
    def dense(cls, shape: Sequence[int], order: Sequence[int] | None = None) -> View:
        """A packed array of `shape` whose axes lie in memory in `order`, outermost first (as given where None)."""
        strides, step = [0] * len(shape), 1
        for axis in reversed(range(len(shape)) if order is None else order):
            strides[axis] = step
            step *= shape[axis]
        return cls(0, tuple(((size, stride),) for size, stride in zip(shape, strides, strict=True)))

    @property
    def shape(self) -> tuple[int, ...]:
        """The logical shape."""
        return tuple(math.prod(size for size, _ in axis) for axis in self.axes)

    def reshape(self, shape: Sequence[int]) -> View | None:
        """The same elements in the same order under another shape; None where a factor would have to break unevenly."""
        rest = [factor for axis in self.axes for factor in axis if factor[0] != 1]
        axes = []
        for size in shape:
            taken = _take(rest, size)
            if taken is None:
                return None
            axes.append(taken)
        return View(self.base, tuple(axes))

    def permute(self, order: Sequence[int]) -> View:
        """Axis i of the result is axis order[i] of this view."""
        return View(self.base, tuple(self.axes[axis] for axis in order))

    def slice(self, axis: int, start: int, stop: int) -> View | None:
        """Indices start..stop-1 of one axis; None where they break a factor unevenly."""
        factors = merged(self.axes[axis])
        outer, inner = factors[0], math.prod(size for size, _ in factors[1:])
        if start % inner or stop % inner:
            return None
        kept = ((((stop - start) // inner, outer[1]), *factors[1:]),)
        base = self.base + start // inner * outer[1]
        return View(base, (*self.axes[:axis], *kept, *self.axes[axis + 1 :]))

    def run(self, axis: int) -> int | None:
        """The stride of an axis that is one factor, 1 for an axis of one element; None for an axis of several."""
        factors = merged(self.axes[axis])
        if len(factors) > 1:
            return None
        return 1 if factors[0][0] == 1 else factors[0][1]

    def pitch(self, axis: int) -> int | None:
        """Like `run`, but an axis of one element has the distance at which a second one would lie."""
        return self.axes[axis][-1][1] if len(self.axes[axis]) == 1 else self.run(axis)

    def offsets(self, axes: Sequence[int] | None = None) -> NDArray[np.int64]:
        """Where the elements at index 0 of all other axes lie, in logical order over `axes`: int64, flat."""
        found = np.array([self.base], np.int64)
        for axis in range(len(self.axes)) if axes is None else axes:
            for size, stride in self.axes[axis]:
                found = (found[:, None] + np.arange(size, dtype=np.int64) * stride).reshape(-1)
        return found

    def array(self, buffer: NDArray[Any]) -> NDArray[Any]:
        """The elements of a flat buffer with one axis a factor: a view that numpy copies from and to."""
        factors = [factor for axis in self.axes for factor in axis]
        shape, strides = [size for size, _ in factors], [stride * buffer.itemsize for _, stride in factors]
        return np.lib.stride_tricks.as_strided(buffer[self.base :], shape, strides)

    def packed(self, shape: Sequence[int], last: int) -> View:
        """A packed storage for `shape` (this one's but for axis `last`) in the memory order of this view.

        The axis `last` goes innermost, whatever its place here: rows of channels.
        """
        others = [
            (stride, axis, place)
            for axis, factors in enumerate(self.axes)
            for place, (_, stride) in enumerate(factors)
            if axis != last
        ]
        axes = [[(size, 0) for size, _ in factors] for factors in self.axes]
        axes[last] = [(shape[last], 1)]
        step = shape[last]
        for _, axis, place in sorted(others):
            size = self.axes[axis][place][0]
            axes[axis][place] = (size, step)
            step *= size
        return View(0, tuple(tuple(factors) for factors in axes))

    def broadcast(self, shape: Sequence[int]) -> View:
        """Axes of one element repeated to `shape`."""
        axes = (
            ((wanted, 0),) if have == 1 and wanted > 1 else factors
            for factors, have, wanted in zip(self.axes, self.shape, shape, strict=True)
        )
        return View(self.base, tuple(axes))


@dataclass(frozen=True)
class Runs:
    """Arrays of one shape as runs of neighbouring elements, for loops that do not care for the axes."""

    length: int
    starts: tuple[NDArray[np.int64], ...]
    """Where each run begins, an array a view, [runs]."""


def common_runs(views: Sequence[View], *, last: int | None = None) -> Runs | None:
    """The longest runs that are contiguous in every view at once, in the memory order of the last view.

    last: the axis that a run may not leave, where elements depend on their index along it. None where the
    views have no common factors, or no axis is contiguous in all.
    """
    factors: list[tuple[int, tuple[int, ...]]] = []
    for axis in range(len(views[0].axes)):
        common = _refined([view.axes[axis] for view in views])
        if common is None:
            return None
        if last is not None and axis == last:
            if any(size > 1 and strides != (1,) * len(views) for size, strides in _joined(common)[-1:]):
                return None
            if len(_joined(common)) > 1:
                return None
            inner = common
        else:
            factors += common
    factors = sorted(factors, key=lambda factor: -factor[1][-1])
    if last is None:
        nest = _joined(factors)
        length, strides = nest.pop() if nest else (1, (1,) * len(views))
        if length > 1 and strides != (1,) * len(views):
            return None
    else:
        length, nest = math.prod(size for size, _ in inner), _joined(factors)
    starts = []
    for index, view in enumerate(views):
        found = np.array([view.base], np.int64)
        for size, steps in nest:
            found = (found[:, None] + np.arange(size, dtype=np.int64) * steps[index]).reshape(-1)
        starts.append(found)
    return Runs(length, tuple(starts))


def merged(factors: Sequence[Factor]) -> list[Factor]:
    """Factors of one axis, neighbours joined where one step of the outer is all of the inner; at least one."""
    joined = [(size, strides[0]) for size, strides in _joined([(size, (stride,)) for size, stride in factors])]
    return joined or [(1, 1)]


def _joined(factors: Sequence[tuple[int, tuple[int, ...]]]) -> list[tuple[int, tuple[int, ...]]]:
    nest: list[tuple[int, tuple[int, ...]]] = []
    for size, strides in factors:
        if size == 1:
            continue
        if nest and all(outer == size * inner for outer, inner in zip(nest[-1][1], strides, strict=True)):
            nest[-1] = (nest[-1][0] * size, strides)
        else:
            nest.append((size, strides))
    return nest


def _take(rest: list[Factor], size: int) -> tuple[Factor, ...] | None:
    """Factors of product `size` from the front of `rest`, which loses them; the last one may be split."""
    taken: list[Factor] = []
    while size > 1:
        if not rest:
            return None
        have, stride = rest.pop(0)
        if size % have == 0:
            taken.append((have, stride))
            size //= have
        elif have % size == 0:
            taken.append((size, stride * (have // size)))
            rest.insert(0, (have // size, stride))
            size = 1
        else:
            return None
    return tuple(taken) or ((1, 1),)


def _refined(axes: Sequence[Sequence[Factor]]) -> list[tuple[int, tuple[int, ...]]] | None:
    """One axis of several views cut into common factors; None where their cuts do not meet."""
    rests = [[factor for factor in axis if factor[0] != 1] for axis in axes]
    found = []
    while any(rests):
        if not all(rests):
            return None
        # Cut from the innermost end: a factor's inner part keeps its stride.
        size = min(rest[-1][0] for rest in rests)
        strides = []
        for rest in rests:
            have, stride = rest.pop()
            if have % size:
                return None
            if have > size:
                rest.append((have // size, stride * size))
            strides.append(stride)
        found.append((size, tuple(strides)))
    return found[::-1]
