"""layer_norm and group_norm of the fast machine: rows of bytes through the exact unit.

The zero point of the codes cancels in n*c - S1 and in n*S2 - S1*S1, and so does the offset of stored bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import numpy as np

from bittrue.simulator.jit import jit, parallel_jit, prange
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.storage import byte_offset
from bittrue.simulator.plan.tile import Bytes, Places
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.op import Call
from bittrue.spec.ops.group_norm import GroupNorm
from bittrue.spec.row_norm import unit_of
from bittrue.spec.units.norm import ExactNorm

Bound = Callable[[], object]


def bind_norm(builder: Builder, call: Call, _table: Call | None) -> Bound | None:
    """The exact unit with proved registers, half up, over channels that lie side by side; None for any other."""
    unit, (source,), shape = unit_of(call.datapath), builder.operands(call), call.output.shape
    if not isinstance(unit, ExactNorm) or unit.rounding is not Rounding.HALF_UP or unit.statistics_overflow != "refuse":
        return None
    constants = {
        name: int(call.constants[name][0]) for name in ("epsilon", "pre_shift", "root_shift", "reciprocal_bits")
    }
    grouped = isinstance(call.op, GroupNorm)
    axis = 1 if grouped else len(shape) - 1
    if grouped and cast(GroupNorm, call.op).groups != 1:
        return None
    if constants["pre_shift"] or not source.is_bytes or call.output.bits > 8 or source.view.run(axis) != 1:
        return None
    place = builder.place_like(call.output, source.view, axis)
    others = [index for index in range(len(shape)) if index != axis]
    channels = shape[axis]

    def line(name: str) -> Places:
        return np.array(np.broadcast_to(call.constants[name], (channels,)), np.int64)

    shift = line("shift")
    if int(shift.min()) < 1:
        return None
    zero = np.broadcast_to(np.array(call.output.zero_point, np.int64) + byte_offset(call.output), (channels,))
    low, high = (limit + byte_offset(call.output) for limit in call.output.code_range)
    return partial(
        group_rows if grouped else layer_rows,
        source.data,
        source.view.offsets(others),
        channels,
        constants["epsilon"],
        constants["root_shift"],
        constants["reciprocal_bits"],
        unit.fraction_bits,
        line("multiplier"),
        line("bias") + (np.int64(1) << (shift - 1)),
        shift,
        np.array(zero, np.int64),
        low,
        high,
        place.data,
        place.view.offsets(others),
    )


@jit
def floor_root(value: int) -> int:
    """floor(sqrt(value)) for 0 <= value < 2**62: the float root is off by at most one, which the squares tell."""
    root = np.int64(np.sqrt(np.float64(value)))
    while root * root > value:
        root -= 1
    while (root + 1) * (root + 1) <= value:
        root += 1
    return root


@jit
def scale_of(n: int, total: int, squares: int, epsilon: int, root_shift: int, reciprocal_bits: int) -> int:
    """floor(2**p / floor(sqrt(V << 2k))) of a row of n codes."""
    variance = max(np.int64(1), n * squares - total * total + epsilon)
    return (np.int64(1) << reciprocal_bits) // floor_root(variance << (2 * root_shift))


@jit
def normalized_row(
    source: Bytes,
    start: int,
    channels: int,
    n: int,
    total: int,
    scale: int,
    shift: int,
    multiplier: Places,
    offset: Places,
    shifts: Places,
    zero: Places,
    low: int,
    high: int,
    target: Bytes,
    to: int,
) -> None:
    """One run of channels: normalized, gamma and beta, limited."""
    half = np.int64(1) << (shift - 1)
    for c in range(channels):
        normalized = ((n * np.int64(source[start + c]) - total) * scale + half) >> shift
        placed = ((normalized * multiplier[c] + offset[c]) >> shifts[c]) + zero[c]
        target[to + c] = min(max(placed, low), high)


@parallel_jit
def layer_rows(
    source: Bytes,
    starts: Places,
    channels: int,
    epsilon: int,
    root_shift: int,
    reciprocal_bits: int,
    fraction_bits: int,
    multiplier: Places,
    offset: Places,
    shifts: Places,
    zero: Places,
    low: int,
    high: int,
    target: Bytes,
    places: Places,
) -> None:
    """Every row of channels by its own statistics."""
    shift = reciprocal_bits - root_shift - fraction_bits
    for r in prange(starts.size):
        row = source[starts[r] : starts[r] + channels]
        total, squares = np.int64(0), np.int64(0)
        for c in range(channels):
            value = np.int64(row[c])
            total += value
            squares += value * value
        scale = scale_of(channels, total, squares, epsilon, root_shift, reciprocal_bits)
        normalized_row(
            source, starts[r], channels, channels, total, scale, shift, multiplier, offset, shifts, zero, low, high,
            target, places[r],
        )  # fmt: skip


@parallel_jit
def group_rows(
    source: Bytes,
    starts: Places,
    channels: int,
    epsilon: int,
    root_shift: int,
    reciprocal_bits: int,
    fraction_bits: int,
    multiplier: Places,
    offset: Places,
    shifts: Places,
    zero: Places,
    low: int,
    high: int,
    target: Bytes,
    places: Places,
) -> None:
    """All runs of channels by the statistics of all of them."""
    shift, n = reciprocal_bits - root_shift - fraction_bits, starts.size * channels
    total, squares = np.int64(0), np.int64(0)
    for r in prange(starts.size):
        begin = starts[r]
        part, square = np.int64(0), np.int64(0)
        for c in range(channels):
            value = np.int64(source[begin + c])
            part += value
            square += value * value
        total += part
        squares += square
    scale = scale_of(n, total, squares, epsilon, root_shift, reciprocal_bits)
    for r in prange(starts.size):
        normalized_row(
            source, starts[r], channels, n, total, scale, shift, multiplier, offset, shifts, zero, low, high, target,
            places[r],
        )  # fmt: skip
