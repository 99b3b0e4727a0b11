"""Parameters of a softmax unit, one a row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.units.section import Integers


def a_row(parameter: Integers, rows: int) -> NDArray[np.int64]:
    """[1] or [rows, 1] -> [rows], int64."""
    return np.ascontiguousarray(np.broadcast_to(parameter, (rows, 1))[:, 0], np.int64)
