"""Kernel against judge of a norm unit, and the rows of codes for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from norm_units import extreme_rows
from numpy.random import Generator
from numpy.typing import NDArray
from op_parts import Constants
from unit_agreement import same_stages

from bittrue.golden.units.norm import KINDS as JUDGES
from bittrue.simulator.units.norm import KINDS as KERNELS
from bittrue.spec.arithmetic import code_range
from bittrue.spec.units.section import Width

Array = NDArray[np.integer]


def code_rows(rng: Generator, codes: Width, n: int) -> Array:
    """Constant rows, one-hot rows and halves, rows of few codes side by side, rows that rise, any codes."""
    low, high = code_range(codes.bits, codes.signed)
    index = np.arange(n)
    rows = [
        np.where(index % 2 == 0, low, high),
        np.where(index < n // 2, high, low),
        low + index * (high - low) // max(n - 1, 1),
        np.clip((low + high) // 2 + rng.integers(-1, 2, n), low, high),
        *rng.integers(low, high, (5, n), endpoint=True),
        *rng.choice([low, high], (3, n)),
    ]
    return np.concatenate([extreme_rows(codes, n), np.array(rows, np.int64)]).clip(low, high)


def compare(unit: Any, codes: Width, rows: Array, constants: Constants) -> dict[str, Array]:
    """Check the constants and compare all stages."""
    unit.check("test", codes, rows.shape[1], constants)
    return same_stages(unit, KERNELS[unit.kind], JUDGES[unit.kind], {"codes": rows, **constants}, unit.stages)
