"""Tables a channel, for the fast machine: functions of tensors whose scales vary along the channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import cast

import numpy as np

from bittrue.simulator.jit import parallel_jit, prange
from bittrue.simulator.kernels import KERNELS
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.finish import table_of
from bittrue.simulator.plan.sums import Bytes, Places
from bittrue.simulator.plan.view import common_runs
from bittrue.spec.op import Call
from bittrue.spec.ops.activation import Activation, unit_of
from bittrue.spec.ops.table import Table
from bittrue.spec.tensors import TensorSpec

Bound = Callable[[], object]


def bind_channel_tables(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """One table for each index of an axis whose elements lie side by side; None for anything else."""
    (source,), op, spec = builder.operands(call), cast(Table | Activation, call.op), call.output
    axis = op.axis
    if axis is None or not source.is_bytes or spec.bits > 8 or source.view.run(axis) != 1:
        return None
    if isinstance(op, Activation) and not unit_of(call.datapath, op.function).elementwise:
        return None
    place = builder.place_like(spec, source.view, axis)
    runs = common_runs([source.view, place.view], last=axis)
    if runs is None:  # the axis is cut differently on either side
        kernel = KERNELS[call.op.name]
        return lambda: place.write(kernel(call, [source.read()], None))
    tables = np.stack([_of_channel(call, axis, channel) for channel in range(spec.shape[axis])])
    return partial(map_channels, source.data, runs.starts[0], place.data, runs.starts[1], tables)


def _of_channel(call: Call, axis: int, channel: int) -> Bytes:
    """The table of one channel, as if the step had only this one."""

    def one(spec: TensorSpec) -> TensorSpec:
        at = 0 if spec.axis is None else channel
        shape = tuple(1 if index == axis else size for index, size in enumerate(spec.shape))
        return replace(
            spec, shape=shape, axis=None, scale=spec.scale[at : at + 1], zero_point=spec.zero_point[at : at + 1]
        )

    constants = {
        role: array[channel : channel + 1] if len(array) > 1 else array for role, array in call.constants.items()
    }
    op = replace(cast(Table | Activation, call.op), axis=None)
    found = table_of(replace(call, op=op, inputs=(one(call.inputs[0]),), output=one(call.output), constants=constants))
    assert found is not None, "a step of one channel is alike for all its elements"
    return found


@parallel_jit
def map_channels(source: Bytes, starts: Places, target: Bytes, places: Places, tables: Bytes) -> None:
    """target[c] = tables[c, source[c]] over runs of channels; tables: [channels, 256]."""
    for r in prange(starts.size):
        begin, to = starts[r], places[r]
        for c in range(tables.shape[0]):
            target[to + c] = tables[c, source[begin + c]]
