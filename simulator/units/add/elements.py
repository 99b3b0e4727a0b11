"""What the add units share: arrays of any broadcastable shapes as rows for compiled loops.

A compiled loop gets two matrices. `codes` has a row for each operand and a column for each element.
`parameters` has a row for each parameter and one column, or one for each element where any parameter varies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import jit
from bittrue.spec.units.section import Arrays

Matrix = NDArray[np.int64]
Results = dict[str, NDArray[np.int64]]
OPERANDS = ("a", "b")


def matrices(arrays: Arrays, names: Sequence[str]) -> tuple[tuple[int, ...], Matrix, Matrix]:
    """The broadcast shape, codes [2, elements] and parameters [names, 1 or elements], int64."""
    shape = np.broadcast_shapes(*(arrays[name].shape for name in (*OPERANDS, *names)))
    varies = any(arrays[name].size > 1 for name in names)
    return shape, _rows(arrays, OPERANDS, shape), _rows(arrays, names, shape if varies else (1,))


def _rows(arrays: Arrays, names: Sequence[str], shape: tuple[int, ...]) -> Matrix:
    rows = np.empty((len(names), *shape), np.int64)
    for row, name in zip(rows, names, strict=True):
        row[...] = arrays[name]
    return rows.reshape(len(names), -1)


def results(names: Sequence[str], shape: tuple[int, ...], found: Matrix) -> Results:
    """Rows of stages and, last, of the output, by name and in the shape of the operands."""
    return dict(zip((*names, "output"), found.reshape(-1, *shape), strict=True))


@jit
def column(parameters: Matrix, element: int) -> int:
    """Where an element's parameters stand."""
    return element if parameters.shape[1] > 1 else 0
