"""softmax of the fast machine: rows of bytes through the default unit, a table and one reciprocal a row."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import get_thread_id, parallel_jit, prange
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.tile import Bytes, Places
from bittrue.simulator.plan.view import View
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.op import Call
from bittrue.spec.ops.softmax import unit_of
from bittrue.spec.units.softmax import TableSoftmax

Bound = Callable[[], object]


def bind_softmax(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """The table unit, half up, with reciprocals below 2**31; None for any other."""
    unit, (source,), spec = unit_of(call.datapath), builder.operands(call), call.output
    if not isinstance(unit, TableSoftmax) or unit.rounding is not Rounding.HALF_UP or not source.is_bytes:
        return None
    table = call.constants["table"].astype(np.int32)
    # Every row holds its own maximum, so that no sum is below the table's first entry.
    if (1 << unit.reciprocal_bits) // int(table[0]) >= 1 << 31:
        return None
    place = builder.place(spec, View.dense(spec.shape))
    last = len(spec.shape) - 1
    return partial(
        softmax_rows,
        source.data,
        source.view.offsets(range(last)),
        source.view.offsets([last]) - source.view.base,
        table,
        unit.reciprocal_bits,
        unit.probability_bits,
        place.data,
        np.zeros((builder.threads, spec.shape[-1]), np.uint8),
        np.zeros((builder.threads, spec.shape[-1]), np.int32),
    )


@parallel_jit
def softmax_rows(
    source: Bytes,
    starts: Places,
    columns: Places,
    table: NDArray[np.int32],
    reciprocal_bits: int,
    probability_bits: int,
    target: NDArray[np.unsignedinteger],
    logits: Bytes,
    exponentials: NDArray[np.int32],
) -> None:
    """Probabilities of every row, rows packed in target; logits and exponentials are scratch, a row a thread."""
    n, shift, top = columns.size, reciprocal_bits - probability_bits, (1 << probability_bits) - 1
    half = 1 << (shift - 1)
    packed = columns[n - 1] == n - 1
    for r in prange(starts.size):
        me, begin = get_thread_id(), starts[r]
        e, p = exponentials[me], target[r * n : (r + 1) * n]
        row = logits[me]
        if packed:
            row = source[begin : begin + n]
        else:
            for i in range(n):
                row[i] = source[begin + columns[i]]
        largest = row[0]
        for i in range(n):
            largest = max(largest, row[i])
        total = np.int64(0)
        for i in range(n):
            value = table[largest - row[i]]
            e[i] = value
            total += np.int64(value)
        # Both factors are below 2**31: a product of 32 by 32 bits.
        inverse = np.int64(np.int32((1 << reciprocal_bits) // total))
        for i in range(n):
            p[i] = min((np.int64(e[i]) * inverse + half) >> shift, top)
