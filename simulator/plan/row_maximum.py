"""Activation units whose rows share their maximum, for the fast machine.

What such a unit gives depends on two bytes: the code, and the largest code of its row, for its argument does not
fall where the code rises (spec/units/activation/shift_silu.py). So it is a table of 65,536 entries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from bittrue.simulator.jit import get_thread_id, parallel_jit, prange
from bittrue.simulator.kernels import KERNELS
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.runs import map_run, pairs_run
from bittrue.simulator.plan.storage import SLACK, Stored, byte_offset
from bittrue.simulator.plan.sums import Bytes, Places
from bittrue.spec.op import Call


def by_row_maximum(builder: Builder, source: Stored, place: Stored, call: Call) -> Callable[[], object] | None:
    """Rows that lie side by side, or along the columns of an image with channels innermost; None for others."""
    shape, last = source.spec.shape, len(source.spec.shape) - 1
    views = source.view, place.view
    if [view.run(last) for view in views] == [1, 1]:
        starts, places = (view.offsets(range(last)) for view in views)
        return partial(map_rows, source.data, starts, place.data, places, shape[last], _pairs(call))
    steps = [view.run(last) for view in views]
    if len(shape) != 4 or [view.run(1) for view in views] != [1, 1] or steps[0] is None or steps[1] is None:
        return None
    starts, places = (view.offsets([0, 2]) for view in views)
    return partial(
        map_columns,
        source.data,
        starts,
        steps[0],
        place.data,
        places,
        steps[1],
        shape[3],
        shape[1],
        _pairs(call),
        np.zeros((builder.threads, shape[1] + SLACK), np.uint8),
    )


def _pairs(call: Call) -> Bytes:
    """What the plain kernel makes of the second code of a row of two: [largest byte * 256 + byte].

    Entries whose byte is above the largest one are never read.
    """
    (spec,), offset = call.inputs, byte_offset(call.inputs[0])
    codes = np.arange(spec.code_range[0], spec.code_range[1] + 1)
    largest, code = np.meshgrid(codes, codes, indexing="ij")
    rows = np.stack([largest, np.minimum(code, largest)], axis=-1).reshape(1, 1, -1, 2)
    small = replace(call, inputs=(replace(spec, shape=rows.shape),), output=replace(call.output, shape=rows.shape))
    output = KERNELS[call.op.name](small, [rows.astype(spec.dtype)], None)
    table = np.zeros((256, 256), np.uint8)
    found = output[..., 1].reshape(codes.size, codes.size).astype(np.int64) + byte_offset(call.output)
    table[np.ix_(codes + offset, codes + offset)] = found
    return np.pad(table.reshape(-1), (0, SLACK))


@parallel_jit
def map_rows(source: Bytes, starts: Places, target: Bytes, places: Places, length: int, table: Bytes) -> None:
    """target = table[largest of the row * 256 + source] over rows that lie side by side."""
    for r in prange(starts.size):
        row = source[starts[r] : starts[r] + length]
        largest = row[0]
        for i in range(length):
            largest = max(largest, row[i])
        map_run(source, starts[r], target, places[r], length, table[np.int64(largest) * 256 :])


@parallel_jit
def map_columns(
    source: Bytes,
    starts: Places,
    step: int,
    target: Bytes,
    places: Places,
    stride: int,
    width: int,
    channels: int,
    table: Bytes,
    scratch: Bytes,
) -> None:
    """The same for every channel of an image row, pixels `step` and `stride` apart; scratch: a row a thread."""
    for r in prange(starts.size):
        largest = scratch[get_thread_id()]
        largest[:] = 0
        for x in range(width):
            pixel = source[starts[r] + x * step : starts[r] + x * step + channels]
            for c in range(channels):
                largest[c] = max(largest[c], pixel[c])
        for x in range(width):
            begin, to = starts[r] + x * step, places[r] + x * stride
            pairs_run(largest, 0, source, begin, target, to, channels, table)
