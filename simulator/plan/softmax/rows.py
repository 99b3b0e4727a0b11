"""Rows of bytes and tables by the distance to a row's largest: what every kind of softmax does with its logits.

Two statements of each function, one in loops and one in vector instructions (`row_code.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import Integer
from bittrue.simulator.jit import inlined_jit
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.processor import has_vnni
from bittrue.simulator.plan.softmax import row_code
from bittrue.simulator.plan.storage import Stored
from bittrue.simulator.plan.sums import Bytes, Places
from bittrue.simulator.plan.view import View
from bittrue.spec.tensors import TensorSpec

BLOCK = 8
"""Rows that a kernel may take together."""
Words = NDArray[np.uint16]
Integers = NDArray[np.int64]
Codes = NDArray[np.unsignedinteger]

# What numba takes for functions of addresses, and no type checker does.
emit_largest: Any = row_code.largest_byte
emit_smallest: Any = row_code.smallest_byte
emit_above: Any = row_code.first_above
emit_sum: Any = row_code.table_sum
emit_bytes: Any = row_code.map_to_bytes
emit_words: Any = row_code.map_to_words


@dataclass(frozen=True)
class RowPlaces:
    """Where the rows of a step lie, and scratch for each thread."""

    source: Bytes
    starts: Places
    columns: Places
    """Where each element of a row lies behind its start."""
    target: Codes
    """Rows behind each other; unsigned, whatever the codes."""
    staged: Bytes
    """[threads, BLOCK * n]: rows whose elements do not lie side by side."""
    entries: Words
    """[threads, 256]: the table of a row."""

    @classmethod
    def of(cls, builder: Builder, source: Stored, output: TensorSpec) -> RowPlaces:
        """The rows along the last axis, and a place for the output."""
        place, last = builder.place(output, View.dense(output.shape)), len(output.shape) - 1
        return cls(
            source.data,
            source.view.offsets(range(last)),
            source.view.offsets([last]) - source.view.base,
            place.data.view(np.uint8 if place.is_bytes else np.uint16),
            np.zeros((builder.threads, BLOCK * output.shape[-1]), np.uint8),
            np.zeros((builder.threads, 256), np.uint16),
        )

    @property
    def arguments(self) -> tuple[object, ...]:
        """The first arguments of every kernel."""
        return self.source, self.starts, self.columns, self.target, self.staged, self.entries


@inlined_jit
def row_of(source: Bytes, begin: int, columns: Places, staged: Bytes) -> Bytes:
    """The bytes of a row side by side: where they lie, or copied to `staged`."""
    n = columns.size
    if columns[n - 1] == n - 1:
        return source[begin : begin + n]
    for i in range(n):
        staged[i] = source[begin + columns[i]]
    return staged[:n]


@inlined_jit
def _largest_portable(row: Bytes) -> Integer:
    """The largest byte of a row."""
    largest = row[0]
    for i in range(row.size):
        largest = max(largest, row[i])
    return np.int64(largest)


@inlined_jit
def _reach_portable(row: Bytes, largest: Integer) -> Integer:
    """How many entries of a table by distance a row may read."""
    smallest = row[0]
    for i in range(row.size):
        smallest = min(smallest, row[i])
    return largest - np.int64(smallest) + 1


@inlined_jit
def _above_portable(row: Bytes, limit: Integer) -> Integer:
    """Where the first byte above a limit stands; the row's length where none is."""
    for i in range(row.size):
        if row[i] > limit:
            return i
    return row.size


@inlined_jit
def _sum_portable(row: Bytes, largest: Integer, terms: Integers, planes: Bytes) -> Integer:
    """The sum of terms[largest - byte] over a row; planes [count * 256]: the terms byte by byte, lowest first."""
    total = np.int64(0)
    for i in range(row.size):
        total += terms[largest - np.int64(row[i])]
    return total


@inlined_jit
def _map_portable(row: Bytes, largest: Integer, entries: Words, target: Codes, to: int) -> None:
    """target[to + i] = entries[largest - row[i]], which fit the target."""
    for i in range(row.size):
        target[to + i] = entries[largest - np.int64(row[i])]


@inlined_jit
def _largest_vector(row: Bytes) -> Any:
    """As `_largest_portable`."""
    return emit_largest(row.ctypes.data, row.size)


@inlined_jit
def _reach_vector(row: Bytes, largest: Integer) -> Any:
    """As `_reach_portable`."""
    return largest - emit_smallest(row.ctypes.data, row.size) + 1


@inlined_jit
def _above_vector(row: Bytes, limit: Integer) -> Any:
    """As `_above_portable`."""
    return emit_above(row.ctypes.data, row.size, limit)


@inlined_jit
def _sum_vector(row: Bytes, largest: Integer, terms: Integers, planes: Bytes) -> Integer:
    """As `_sum_portable`."""
    total = np.int64(0)
    for plane in range(planes.size // 256):
        total += emit_sum(row.ctypes.data, row.size, largest, planes.ctypes.data + 256 * plane) << (8 * plane)
    return total


@inlined_jit
def _map_vector(row: Bytes, largest: Integer, entries: Words, target: Codes, to: int) -> None:
    """As `_map_portable`."""
    place = target.ctypes.data + target.itemsize * to
    if target.itemsize == 1:
        emit_bytes(row.ctypes.data, row.size, largest, entries.ctypes.data, place)
    else:
        emit_words(row.ctypes.data, row.size, largest, entries.ctypes.data, place)


largest_of = _largest_vector if has_vnni() else _largest_portable
reach_of = _reach_vector if has_vnni() else _reach_portable
first_above = _above_vector if has_vnni() else _above_portable
sum_of = _sum_vector if has_vnni() else _sum_portable
map_row = _map_vector if has_vnni() else _map_portable
"""The ones that this processor has."""
