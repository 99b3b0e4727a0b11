"""Products whose accumulators saturate, for the fast machine: at every addition in the machine's order, or at the end.

The binders of products.py, depthwise.py and matmul.py refuse these steps, which need more than their sums modulo
2**32. What the machine adds in tiles of k_tile products stays with the plain kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.kernels.conv2d import tap_order
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.finish import Finish, finish_of, table_of
from bittrue.simulator.plan.gemm import pack, whole_tiles
from bittrue.simulator.plan.products import taken_of, window_rows
from bittrue.simulator.plan.saturating_gemm import pack_words, saturating_codes
from bittrue.simulator.plan.saturating_proof import (
    Register,
    dotted_blocks,
    interval_of,
    register_of,
    start_and_last,
)
from bittrue.simulator.plan.saturating_tile import Words
from bittrue.simulator.plan.storage import Stored, byte_offset
from bittrue.simulator.plan.sums import DEPTH, ROWS, Places
from bittrue.simulator.requantize import Requantizer
from bittrue.spec.bounds import multiplied
from bittrue.spec.op import Call
from bittrue.spec.ops.conv2d import Conv2d

Bound = Callable[[], object]
NO_FINISH = Finish(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int32), 0, 0)
"""Of steps whose requantizer takes the accumulators."""


def bind_saturating_conv2d(builder: Builder, call: Call, table: Call | None) -> Bound | None:
    """An ungrouped convolution over channels that lie side by side; None for any other."""
    op, (source,) = cast(Conv2d, call.op), builder.operands(call)
    if op.groups != 1 or source.view.run(1) != 1:
        return None
    windows = window_rows(op, source, call)
    if windows is None:
        return None
    weight = call.constants["weight"].transpose(0, 2, 3, 1).reshape(op.out_channels, -1)
    return _bind(builder, call, table, weight, *windows, order=_nhwc_order(call), channel=1)


def bind_saturating_linear(builder: Builder, call: Call, table: Call | None) -> Bound | None:
    """Rows whose features lie side by side; None for any other."""
    (source,), last = builder.operands(call), len(call.output.shape) - 1
    if source.view.run(last) != 1:
        return None
    rows, features = source.view.offsets(range(last)), source.spec.shape[-1]
    weight, start = call.constants["weight"], np.zeros(1, np.int64)
    return _bind(builder, call, table, weight, rows, start, features, order=np.arange(features), channel=last)


def _nhwc_order(call: Call) -> NDArray[np.int64]:
    """The machine's order of the taps as indices into (ky, kx, c) flattened, in which windows lie in memory."""
    (kh, kw), channels = cast(Conv2d, call.op).kernel, call.inputs[0].shape[1]
    position = np.arange(kh * kw * channels).reshape(kh, kw, channels).transpose(2, 0, 1).reshape(-1)
    return np.asarray(position[tap_order(call)[0]])


def _bind(
    builder: Builder,
    call: Call,
    table: Call | None,
    weight: NDArray[np.integer],
    rows: Places,
    segments: Places,
    length: int,
    *,
    order: NDArray[np.int64],
    channel: int,
) -> Bound | None:
    """The product of rows of codes by weights [columns, K = segments * length], finished into the output's place."""
    (source,), entries, channels = builder.operands(call), table_of(table), weight.shape[0]
    register = register_of(call, multiplied(call, 0), interval_of(weight))
    if register is None or entries is None:
        return None
    finish = finish_of(call, channels) if call.output.bits <= 8 else None
    if finish is None and table is not None:
        return None
    place = builder.place_like((call if table is None else table).output, source.view, channel)
    places = place.view.offsets([axis for axis in range(len(call.output.shape)) if axis != channel])
    memory_order = np.argsort(places, kind="stable")  # as the output lies in memory
    rows, places = whole_tiles(rows[memory_order]), places[memory_order]
    dotted = dotted_blocks(call, weight, register, source)
    packed = pack(weight, segments.size) if dotted.any() else np.empty(0, np.int8)
    runs, run_length = runs_of((segments[:, None] + np.arange(length)).reshape(-1)[order])
    start, last = start_and_last(call, weight, register, dotted)
    constants = NO_FINISH if finish is None else finish
    accumulators = np.empty((places.size if finish is None else 0, channels), np.int32)
    bound = partial(
        saturating_codes,
        source.data,
        source.memory,
        rows,
        segments,
        -(-length // DEPTH),
        packed,
        dotted,
        runs,
        run_length,
        int(taken_of(call)[0]),
        1 << register.code_lift,
        pack_words(_lifted(weight[:, order], register)),
        start,
        register.shift,
        register.low,
        register.high,
        last,
        register.held_low,
        register.held_high,
        np.zeros_like(start),
        constants.multiplier,
        constants.offset,
        constants.shift,
        constants.zero,
        constants.low,
        constants.high,
        entries,
        place.memory,
        whole_tiles(places),
        accumulators,
        channels,
        builder.sums(),
        np.zeros((builder.threads, ROWS * weight.shape[1]), np.int32),
    )
    return bound if finish is not None else _requantized(call, bound, accumulators, place, places)


def _requantized(call: Call, bound: Bound, accumulators: Words, place: Stored, places: Places) -> Bound:
    """Accumulators first, then the datapath's requantizer on all of them."""
    channels, dtype, offset = accumulators.shape[1], call.output.dtype, byte_offset(call.output)
    requantizer, target = Requantizer.of(call, channels), place.data
    columns = places[:, None] + np.arange(channels)

    def run() -> None:
        bound()
        codes = requantizer.rows(accumulators, dtype)
        target[columns] = (codes.view(np.uint8) ^ offset) if place.is_bytes else codes

    return run


def runs_of(taps: Places) -> tuple[Places, int]:
    """Taps as runs of neighbours of one length, the longest that serves all: where each run begins, the length."""
    breaks = np.flatnonzero(np.diff(taps) != 1) + 1
    length = math.gcd(taps.size, *breaks.tolist())
    return np.ascontiguousarray(taps[::length]), length


def _lifted(weight: NDArray[np.integer], register: Register) -> NDArray[np.int64]:
    """Weights as words: the low half of a scaled one counts."""
    lifted = weight.astype(np.int64) << register.weight_lift
    return lifted & 0xFFFF if register.shift else lifted
