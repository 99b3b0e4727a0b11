"""Activations by an interpolated table that no product takes along: loops over codes of 9 to 16 bits.

Such steps stand alone where every tensor is kept, or where their results have more than 8 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import parallel_jit, prange
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.elementwise import in_pieces, on_copies, place_beside
from bittrue.simulator.plan.storage import byte_offset
from bittrue.simulator.plan.sums import Places
from bittrue.simulator.plan.view import common_runs
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.op import Call
from bittrue.spec.ops.activation import Activation, unit_of
from bittrue.spec.units.activation import InterpolatedActivation

Bound = Callable[[], object]


def bind_interpolation(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """Codes of 9 to 16 bits, whose tables change along an axis that lies side by side, or not at all."""
    (source,), op, spec = builder.operands(call), cast(Activation, call.op), call.output
    unit = unit_of(call.datapath, op.function)
    if source.is_bytes or source.spec.bits > 16 or spec.bits > 16 or not isinstance(unit, InterpolatedActivation):
        return None
    if unit.wrap_bits is not None or unit.rounding is not Rounding.HALF_UP:
        return None
    if op.axis is not None and source.view.run(op.axis) != 1:
        return None
    place = place_beside(builder, spec, source) if op.axis is None else builder.place_like(spec, source.view, op.axis)
    runs = common_runs([source.view, place.view], last=op.axis)
    if runs is None:
        return on_copies(builder, call, place)
    if op.axis is None:
        runs = in_pieces(runs)
    step = source.spec.bits - unit.index_bits
    shift = step + unit.fraction_bits
    table = call.constants["table"].astype(np.int64) + (byte_offset(spec) << unit.fraction_bits)
    return partial(
        interpolate_runs,
        source.data,
        runs.starts[0],
        source.spec.code_range[0],
        np.ascontiguousarray(table),
        step,
        (1 << shift) >> 1,
        shift,
        place.data,
        runs.starts[1],
        runs.length,
    )


@parallel_jit
def interpolate_runs(
    source: NDArray[np.integer],
    starts: Places,
    low: int,
    table: NDArray[np.int64],
    step: int,
    rounding: int,
    shift: int,
    target: NDArray[np.integer],
    places: Places,
    length: int,
) -> None:
    """target[i] = ((base << step) + (next - base) * rest + rounding) >> shift over runs; table [tables, nodes].

    base and next: the nodes beside the code, of which `rest` are the low bits. Element i of a run reads table
    i % tables.
    """
    tables = table.shape[0]
    for r in prange(starts.size):
        begin, to = starts[r], places[r]
        for i in range(length):
            nodes = table[i if tables > 1 else 0]
            distance = np.int64(source[begin + i]) - low
            node = distance >> step
            base = nodes[node]
            value = (base << step) + (nodes[node + 1] - base) * (distance & ((1 << step) - 1))
            target[to + i] = (value + rounding) >> shift
