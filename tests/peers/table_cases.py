"""bittrue's tables of functions against crfix, which rounds the true value correctly in integer arithmetic.

The two differ in ties alone (upward here, to even there), and of these functions only 0 can be a tie's argument.
"""

from __future__ import annotations

from functools import partial

import crfix
import numpy as np
from numpy.random import Generator
from peers import draws
from peers.comparison import Comparison
from peers.layers import Array

from bittrue.calibration.lowering.tables import FUNCTIONS, exponential_table, function_table

PEER = "crfix 0.9.0"
INT8 = (-128, 127)


def pointwise(function: str, rng: Generator) -> tuple[Array, Array]:
    """256 codes of any scales and zero points."""
    x = draws.tensor(rng, (256,), 1e-3, 0.5)
    y = draws.tensor(rng, (256,), 1e-3, 0.2)
    ours = function_table(FUNCTIONS[function], INT8, x.scale, x.zero_point, y.scale, y.zero_point, INT8)
    formats = crfix.Affine(x.scale, x.zero_point), crfix.Affine(y.scale, y.zero_point)
    return ours, np.array(crfix.table_affine(function, *formats))


def exponential(rng: Generator) -> tuple[Array, Array]:
    """Softmax's table of 16 bits: round((2**16 - 1) * exp(-d * scale)), d = 0 .. 255."""
    scale, top = draws.scale(rng, 1e-3, 0.5), (1 << 16) - 1
    differences = -np.arange(256, dtype=np.int32)
    formats = crfix.Affine(scale, 0, 32), crfix.Affine(1 / top, 0, 32)
    # 1 / top is no binary fraction: the affine format rounds the value of exp times the double nearest to top.
    theirs = np.array(crfix.eval_affine("exp", differences, *formats))
    return exponential_table(8, scale, 16), theirs


def comparisons() -> list[Comparison]:
    """The tables of the default profile."""
    lines = {f"table, {name}": partial(pointwise, name) for name in ("sigmoid", "silu", "gelu")}
    found = [Comparison("iot_npu", op, PEER, trial, 150) for op, trial in lines.items()]
    return [*found, Comparison("iot_npu", "softmax's table of exp", PEER, exponential, 150)]
