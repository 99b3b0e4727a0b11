"""Elementwise steps of the fast machine: tables, products of two tensors, concatenation.

A step of one byte in and one out is a table of 256 entries whatever its unit, filled by the plain kernel. A step of
two bytes in, whose rule is the same for all elements, is a table of 65,536 entries, likewise; the default add
(`addition.py`) and the default product have loops of their own, which are faster.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import cast

import numpy as np

from bittrue.simulator.kernels import KERNELS
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.elementwise_loops import map_planes, map_runs, mul_runs, pair_runs
from bittrue.simulator.plan.finish import finish_of, table_of
from bittrue.simulator.plan.plain_tables import plain_pairs, plain_table
from bittrue.simulator.plan.row_maximum import by_row_maximum
from bittrue.simulator.plan.storage import Stored, byte_offset
from bittrue.simulator.plan.sums import Bytes
from bittrue.simulator.plan.view import Runs, View, common_runs
from bittrue.spec.op import Call
from bittrue.spec.ops.activation import Activation, unit_of
from bittrue.spec.ops.concat import Concat
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.activation import ShiftSilu

Bound = Callable[[], object]
SHORT = 8
"""Runs below this length are not worth a loop each."""
SAME: Bytes = np.arange(256, dtype=np.uint8)
"""The table that copies."""
PIECE = 4096
"""Elements that one core takes at a time, so that both have work and a piece stays in the first-level cache."""


def bind_table(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """One table for all elements."""
    (source,) = builder.operands(call)
    entries = table_of(call)
    if entries is None or not source.is_bytes:
        return None
    return _mapped(builder, source, place_beside(builder, call.output, source), entries)


def bind_activation(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """An activation unit of one byte in and out, the same for all elements or for all rows."""
    (source,), op, spec = builder.operands(call), cast(Activation, call.op), call.output
    if not source.is_bytes or spec.bits > 8 or op.axis is not None:
        return None
    if source.spec.axis is not None or spec.axis is not None:
        return None
    unit = unit_of(call.datapath, op.function)
    if unit.elementwise:
        return _mapped(builder, source, place_beside(builder, spec, source), plain_table(call, 0))
    if not isinstance(unit, ShiftSilu):
        return None
    return by_row_maximum(builder, source, place_beside(builder, spec, source), call)


def bind_constant(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """The step's own codes, as they are stored, written row by row anew in each run: buffers are used again."""
    spec = call.output
    place = builder.place(spec, View.dense(spec.shape))
    place.write(KERNELS["constant"](call, [], None))
    target = place.view.array(place.data)
    return partial(np.copyto, target, target.copy())


def bind_concat(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """Inputs brought to the output's scale, or copied, and joined along the channels of an image."""
    sources, spec, op = builder.operands(call), call.output, cast(Concat, call.op)
    if op.axis != 1 or len(spec.shape) != 4 or spec.bits > 8 or not all(source.is_bytes for source in sources):
        return None
    copied = op.copied(call.datapath)
    if not copied and any(tensor.axis is not None for tensor in (spec, *call.inputs)):
        return None
    place, begin, parts = builder.place_image(spec), 0, []
    for index, source in enumerate(sources):
        view = place.view.slice(1, begin, begin + source.spec.shape[1])
        assert view is not None, "the channels of an image are one factor"
        begin += source.spec.shape[1]
        entries = SAME if copied else plain_table(call, index)
        parts.append(_mapped(builder, source, replace(place, spec=source.spec, view=view), entries))
    return partial(_all, parts)


def bind_mul(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """The product of two tensors of bytes, the second one repeated along axes of one element."""
    operands, spec = builder.operands(call), call.output
    if not one_format(call, 8) or operands[0].spec.shape != spec.shape:
        return None
    a, b = operands
    place = place_beside(builder, spec, a)
    runs = common_runs([a.view, b.view.broadcast(spec.shape), place.view])
    if runs is None:
        return on_copies(builder, call, place)
    finish = finish_of(call, 1, entering=a.spec.magnitude_max * b.spec.magnitude_max)
    if finish is None:
        return paired(call, a, b, place, runs)
    zeros = [np.int32(operand.spec.zero_point[0] + byte_offset(operand.spec)) for operand in operands]
    pieces = in_pieces(runs)
    return partial(
        mul_runs,
        a.data,
        pieces.starts[0],
        zeros[0],
        b.data,
        pieces.starts[1],
        zeros[1],
        finish.multiplier[0],
        int(finish.offset[0]),
        int(finish.shift[0]),
        int(finish.zero[0]),
        finish.low,
        finish.high,
        place.data,
        pieces.starts[2],
        pieces.length,
    )


def place_beside(builder: Builder, spec: TensorSpec, source: Stored) -> Stored:
    """A place for a result of its operand's shape, in the operand's order."""
    if len(spec.shape) == 4 and spec.shape[0] == 1 and source.view.run(1) == 1:
        return builder.place_like(spec, source.view, 1)
    last = len(spec.shape) - 1
    strides = [source.view.run(axis) for axis in range(len(spec.shape))]
    if (
        len(spec.shape) == 4
        and spec.shape[0] == 1
        and strides[last] == 1
        and source.spec.name in builder.program.inputs
    ):
        return builder.place_image(spec)  # from here on channels lie innermost
    return builder.place_like(spec, source.view, last if strides[last] == 1 else 1 if len(strides) > 1 else 0)


def in_pieces(runs: Runs) -> Runs:
    """The same elements in runs of at most PIECE, if the length allows, for both cores to share."""
    length = runs.length
    if length <= PIECE:
        return runs
    piece = max(size for size in range(1, PIECE + 1) if length % size == 0)
    steps = np.arange(0, length, piece, dtype=np.int64)
    return Runs(piece, tuple((starts[:, None] + steps).reshape(-1) for starts in runs.starts))


def one_format(call: Call, bits: int) -> bool:
    """Whether a step takes two tensors, and all three have one zero point and codes of at most `bits` bits."""
    specs = (*call.inputs, call.output)
    return all(spec.bits <= bits and len(set(spec.zero_point)) == 1 for spec in specs) and len(call.inputs) == 2


def _mapped(builder: Builder, source: Stored, place: Stored, entries: Bytes) -> Bound:
    runs = common_runs([source.view, place.view])
    if runs is not None and runs.length >= SHORT:
        pieces = in_pieces(runs)
        return partial(map_runs, source.data, pieces.starts[0], place.data, pieces.starts[1], pieces.length, entries)
    if len(source.spec.shape) == 4 and source.spec.shape[0] == 1:
        steps = [view.run(axis) for view in (source.view, place.view) for axis in (3, 1)]
        last = [step for step in steps if step is not None]
        if len(last) == len(steps):
            return partial(
                map_planes,
                source.data,
                source.view.offsets([2]),
                last[0],
                last[1],
                place.data,
                place.view.offsets([2]),
                last[2],
                last[3],
                source.spec.shape[3],
                source.spec.shape[1],
                entries,
                np.zeros((builder.threads, 3 * source.spec.shape[3]), np.uint8),
            )
    return partial(_map_copied, source, place, entries)


def _map_copied(source: Stored, place: Stored, entries: Bytes) -> None:
    target = place.view.array(place.data)
    target[...] = entries[np.ascontiguousarray(source.view.array(source.data))].reshape(target.shape)


def paired(call: Call, a: Stored, b: Stored, place: Stored, runs: Runs) -> Bound:
    """A table of every pair of bytes."""
    pieces = in_pieces(runs)
    return partial(pair_runs, a.data, pieces.starts[0], b.data, pieces.starts[1], place.data, pieces.starts[2],
                   pieces.length, plain_pairs(call))  # fmt: skip


def on_copies(builder: Builder, call: Call, place: Stored) -> Bound:
    """The plain kernel on copies, where operands and result share no order."""
    operands, kernel = builder.operands(call), KERNELS[call.op.name]
    return lambda: place.write(kernel(call, [operand.read() for operand in operands], None))


def _all(parts: list[Bound]) -> None:
    for part in parts:
        part()
