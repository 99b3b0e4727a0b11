"""Compare a unit's kernel with its judge, stage by stage and integer by integer; no tolerance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.integer]
Kernel = Callable[..., Mapping[str, Array]]
Judge = Callable[..., Mapping[str, torch.Tensor]]


def same_stages(
    unit: object, kernel: Kernel, judge: Judge, arrays: Mapping[str, Array], names: Sequence[str]
) -> dict[str, Array]:
    """Run both on the same arrays: the same stages in the order of `names`, int64, of one shape, equal everywhere.

    Neither may change what it is given. Returns the stages.
    """
    before = {name: array.copy() for name, array in arrays.items()}
    found = kernel(unit, arrays)
    wanted = judge(unit, {name: torch.from_numpy(array.astype(np.int64)) for name, array in arrays.items()})
    assert all((arrays[name] == array).all() for name, array in before.items()), "an input was changed"
    assert list(found) == list(wanted) == list(names)
    for name in names:
        a, b = found[name], wanted[name].numpy()
        assert (a.dtype, b.dtype) == (np.int64, np.int64), name
        assert a.shape == b.shape, f"{name}: shape {a.shape} is not {b.shape}"
        different = np.argwhere(a != b)
        if len(different):
            index = tuple(int(i) for i in different[0])
            raise AssertionError(
                f"{unit!r} {name}{list(index)}: kernel {a[index]}, judge {b[index]} ({len(different)} differ)"
            )
    return dict(found)


def narrowest(array: Array) -> Array:
    """The array in the narrowest dtype that holds it."""
    for dtype in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32):
        if np.iinfo(dtype).min <= int(array.min()) and int(array.max()) <= np.iinfo(dtype).max:
            return array.astype(dtype)
    return array.astype(np.int64)
