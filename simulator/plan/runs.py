"""Tables over runs of bytes, of 256 entries or of 65,536 for pairs: in loops and in vector code (`run_code.py`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from bittrue.simulator.jit import inlined_jit, jit
from bittrue.simulator.plan import run_code
from bittrue.simulator.plan.processor import has_vnni
from bittrue.simulator.plan.sums import Bytes

# What numba takes for functions of addresses, and no type checker does.
emit_map: Any = run_code.map_bytes
emit_pairs: Any = run_code.map_pairs


@jit
def _map_portable(source: Bytes, start: int, target: Bytes, to: int, count: int, table: Bytes) -> None:
    """target[to + i] = table[source[start + i]] for i < count."""
    for i in range(count):
        target[to + i] = table[source[start + i]]


@inlined_jit
def _map_vector(source: Bytes, start: int, target: Bytes, to: int, count: int, table: Bytes) -> None:
    """As `_map_portable`, count >= 1."""
    emit_map(source.ctypes.data + start, target.ctypes.data + to, count, table.ctypes.data)


@jit
def _pairs_run_portable(
    upper: Bytes, start: int, lower: Bytes, begin: int, target: Bytes, to: int, count: int, table: Bytes
) -> None:
    """target[to + i] = table[256 * upper[start + i] + lower[begin + i]] for i < count."""
    for i in range(count):
        target[to + i] = table[np.int64(upper[start + i]) * 256 + np.int64(lower[begin + i])]


@inlined_jit
def _pairs_run_vector(
    upper: Bytes, start: int, lower: Bytes, begin: int, target: Bytes, to: int, count: int, table: Bytes
) -> None:
    """As `_pairs_run_portable`; 15 bytes behind either run and 3 behind the table can be read."""
    emit_pairs(upper.ctypes.data + start, lower.ctypes.data + begin, target.ctypes.data + to, count, table.ctypes.data)


map_run = _map_vector if has_vnni() else _map_portable
pairs_run = _pairs_run_vector if has_vnni() else _pairs_run_portable
"""The ones that this processor has."""
