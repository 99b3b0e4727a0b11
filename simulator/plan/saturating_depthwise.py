"""Depthwise convolutions whose accumulators saturate, for the fast machine; see saturating.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import numpy as np

from bittrue.simulator.jit import get_thread_id, parallel_jit, prange
from bittrue.simulator.kernels.conv2d import tap_order
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.finish import finish_of, padded, table_of
from bittrue.simulator.plan.gemm import whole_tiles
from bittrue.simulator.plan.products import has_padding, taken_of
from bittrue.simulator.plan.saturating_proof import interval_of, register_of, start_and_last
from bittrue.simulator.plan.saturating_tile import Words, finish_tile, ordered_depthwise
from bittrue.simulator.plan.sums import COLUMNS, Bytes, Places
from bittrue.spec.bounds import multiplied
from bittrue.spec.op import Call
from bittrue.spec.ops.conv2d import Conv2d

Bound = Callable[[], object]


def bind_saturating_depthwise(builder: Builder, call: Call, table: Call | None) -> Bound | None:
    """A convolution with one filter a channel over channels that lie side by side; None for any other."""
    op, (source,), entries = cast(Conv2d, call.op), builder.operands(call), table_of(table)
    channels, view = op.out_channels, source.view
    if not (op.groups == channels == source.spec.shape[1]) or view.run(1) != 1 or entries is None:
        return None
    weight, line, step = call.constants["weight"].reshape(channels, -1), view.pitch(2), view.pitch(3)
    if line is None or step is None or not source.is_bytes or not has_padding(source, op.padding):
        return None
    register, finish = register_of(call, multiplied(call, 0), interval_of(weight)), finish_of(call, channels)
    if register is None or finish is None or call.output.bits > 8:
        return None
    (sy, sx), (py, px), (_, _, rows, columns) = op.stride, op.padding, call.output.shape
    y, x = np.ogrid[:rows, :columns]
    starts = (view.base - py * line - px * step + y * sy * line + x * sx * step).reshape(-1)
    ky, kx = np.ogrid[: op.kernel[0], : op.kernel[1]]
    order = tap_order(call)[0]
    start, last = start_and_last(call, weight, register, np.zeros(-(-channels // COLUMNS), np.bool_))
    place = builder.place_image((call if table is None else table).output)
    pitch = start.size
    return partial(
        saturating_depthwise,
        source.data,
        whole_tiles(starts),
        np.asarray((ky * line + kx * step).reshape(-1)[order], np.int64),
        np.pad(weight.T[order].astype(np.int32), ((0, 0), (0, pitch - channels))).reshape(-1),
        pitch,
        padded(np.broadcast_to(taken_of(call), (channels,)), np.int32),
        start,
        register.low,
        register.high,
        last,
        register.held_low,
        register.held_high,
        np.zeros_like(start),
        finish.multiplier,
        finish.offset,
        finish.shift,
        finish.zero,
        finish.low,
        finish.high,
        entries,
        place.data,
        whole_tiles(place.view.offsets((2, 3))),
        channels,
        builder.sums(),
    )


@parallel_jit
def saturating_depthwise(
    source: Bytes,
    rows: Places,
    taps: Places,
    weight: Words,
    pitch: int,
    taken: Words,
    start: Words,
    low: int,
    high: int,
    last: Words,
    held_low: int,
    held_high: int,
    nothing: Words,
    multiplier: Words,
    offset: Places,
    shifts: Places,
    zero: Words,
    code_low: int,
    code_high: int,
    table: Bytes,
    target: Bytes,
    target_rows: Places,
    channels: int,
    scratch: Words,
) -> None:
    """Output bytes of every pixel by one filter a channel, taps in the machine's order; see `saturating_tile.py`.

    rows and target_rows are whole tiles; weight: flat [taps, pitch]; taken: what is subtracted from a channel's bytes.
    """
    for tile in prange(rows.size // 8):
        sums = scratch[get_thread_id()]
        for column in range(0, channels, 16):
            count = min(16, channels - column)
            ordered_depthwise(source, rows, 8 * tile, taps, weight, pitch, column, count, taken, start, low, high, sums)
            finish_tile(
                sums, 8 * tile, column, count, last, held_low, held_high, nothing, multiplier, offset, shifts, zero,
                code_low, code_high, table, target, target_rows,
            )  # fmt: skip
