"""Layout: in which order the elements of an array enter a stream, as nested loops, and back.

For whoever feeds an array of processing elements, which wants channels in blocks or matrices in tiles. Position p of
the stream has one digit a loop (the last loop runs fastest), and along an axis the element's index is the sum of
digit * stride over the loops of that axis. A position whose index lies outside the array is filled with 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bittrue.spec.errors import BadInput

NAMES = ("row-major", "nhwc", "ncBhw (nc32hw)", "tilesRxC (tiles16x16)", "kB (k64) or kB@AXIS (k64@-2)")
POSITIONS_MAX = 1 << 27
"""Of a stream in another order than row-major: each costs an index of 8 bytes while it is read."""
FILL = -1
"""Stands for a position that holds no element."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Loop(_Model):
    """One loop of the walk over an array."""

    axis: Annotated[int, Field(ge=0, lt=32)]
    size: Annotated[int, Field(ge=1)]
    """Iterations."""
    stride: Annotated[int, Field(ge=1)]
    """Steps along the axis at each iteration."""


class Layout(_Model):
    """See the module docstring."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9@-]+$", max_length=40)]
    """As it was asked for; the loops say everything."""
    loops: Annotated[tuple[Loop, ...], Field(max_length=64)]
    """Outermost first. None: row-major over the array's own axes."""

    @model_validator(mode="after")
    def _each_element_once(self) -> Layout:
        for axis in {loop.axis for loop in self.loops}:
            reached = 1
            for loop in sorted((loop for loop in self.loops if loop.axis == axis), key=lambda loop: loop.stride):
                if loop.size > 1 and loop.stride != reached:
                    raise ValueError(f"the loops of axis {axis} do not reach each index once")
                reached = loop.stride * loop.size
        return self

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError unless the loops reach every element of an array of this shape, and not mostly filling."""
        if not self.loops:
            return
        reached = [1] * len(shape)
        for loop in self.loops:
            if loop.axis >= len(shape):
                raise ValueError(f"layout {self.name} has a loop over axis {loop.axis} of {len(shape)}")
            reached[loop.axis] *= loop.size
        if any(reach < size for reach, size in zip(reached, shape, strict=True)):
            raise ValueError(f"layout {self.name} reaches {reached} of an array {list(shape)}")
        if math.prod(reached) > min(256 * math.prod(shape) + (1 << 16), POSITIONS_MAX):
            raise ValueError(f"layout {self.name} is filling, most of it, or too long: {reached} for {list(shape)}")


ROW_MAJOR = Layout(name="row-major", loops=())


def layout_of(name: str, shape: tuple[int, ...]) -> Layout:
    """The layout of that name (NAMES) for an array of this shape.

    "nhwc" and "ncBhw" order the last three axes, c y x; "tilesRxC" the last two, tile by tile; "kB@AXIS" cuts an axis,
    the last one unless named, into splits of B, and the splits are the outermost loop behind leading axes of
    vectors or images. An array with fewer axes stays row-major. Raises BadInput for another name.
    """
    low, axes = name.lower(), len(shape)
    for pattern, least_axes, loops in _FAMILIES:
        match = re.fullmatch(pattern, low)
        if match is not None:
            made = loops(shape, *(int(number) for number in match.groups() if number)) if axes >= least_axes else ()
            return Layout(name=low, loops=tuple(made)) if made else ROW_MAJOR
    raise BadInput("unknown layout", where="--layout", got=name, expected=", ".join(NAMES))


def elements_of(layout: Layout, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """[positions]: which element (row-major index) stands at each position of the stream, or FILL."""
    if not layout.loops:
        return np.arange(math.prod(shape), dtype=np.int64)
    sizes = [loop.size for loop in layout.loops]
    flat, inside = np.zeros(sizes, np.int64), np.ones(sizes, np.bool_)
    steps = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    for axis, size in enumerate(shape):
        index = np.zeros([1] * len(sizes), np.int64)
        for place, loop in enumerate(layout.loops):
            if loop.axis == axis:
                line = np.arange(loop.size, dtype=np.int64) * loop.stride
                index = index + line.reshape([-1 if i == place else 1 for i in range(len(sizes))])
        flat += index * steps[axis]
        inside &= index < size
    return np.where(inside, flat, FILL).reshape(-1)


def positions_of(layout: Layout, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """[elements]: at which position of the stream each element stands; the inverse of `elements_of`."""
    elements = elements_of(layout, shape)
    held = np.flatnonzero(elements != FILL)
    found = np.empty(math.prod(shape), np.int64)
    found[elements[held]] = held
    return found


def _nhwc(shape: tuple[int, ...]) -> list[Loop]:
    axes = len(shape)
    return [*_whole(shape, range(axes - 3)), *_whole(shape, (axes - 2, axes - 1, axes - 3))]


def _blocked(shape: tuple[int, ...], block: int) -> list[Loop]:
    axes = len(shape)
    outer, inner = _cut(shape, axes - 3, block)
    return [*_whole(shape, range(axes - 3)), outer, *_whole(shape, (axes - 2, axes - 1)), inner]


def _tiles(shape: tuple[int, ...], rows: int, columns: int) -> list[Loop]:
    axes = len(shape)
    (down, row), (across, column) = _cut(shape, axes - 2, rows), _cut(shape, axes - 1, columns)
    return [*_whole(shape, range(axes - 2)), down, across, row, column]


def _splits(shape: tuple[int, ...], block: int, axis: int = -1) -> list[Loop]:
    axes = len(shape)
    if not -axes <= axis < axes:
        return []
    axis %= axes
    outer, inner = _cut(shape, axis, block)
    first = max(min(axis, axes - 2), 0)
    rest = [loop for i in range(first, axes) for loop in ([inner] if i == axis else _whole(shape, (i,)))]
    return [*_whole(shape, range(first)), outer, *rest]


def _whole(shape: tuple[int, ...], axes: Sequence[int]) -> list[Loop]:
    return [Loop(axis=axis, size=shape[axis], stride=1) for axis in axes]


def _cut(shape: tuple[int, ...], axis: int, block: int) -> tuple[Loop, Loop]:
    """The loop over blocks of an axis, and the loop inside one; the last block is filled up."""
    outer = Loop(axis=axis, size=-(-shape[axis] // block), stride=block)
    return outer, Loop(axis=axis, size=block, stride=1)


_FAMILIES: tuple[tuple[str, int, Callable[..., Sequence[Loop]]], ...] = (
    ("row-major", 0, lambda shape: ()),
    ("nhwc", 3, _nhwc),
    (r"nc([1-9][0-9]{0,4})hw", 3, _blocked),
    (r"tiles([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", 2, _tiles),
    (r"k([1-9][0-9]{0,5})(?:@(-?[0-9]{1,2}))?", 1, _splits),
)
"""Names, the least number of axes, and the loops of an array."""
