"""Depthwise convolutions, channels innermost, for the fast machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.jit import get_thread_id, parallel_jit, prange
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.curve_products import depthwise_curve
from bittrue.simulator.plan.ending import ending_of
from bittrue.simulator.plan.finish import finish_of, padded, unused_bits
from bittrue.simulator.plan.gemm import whole_tiles
from bittrue.simulator.plan.products import INT8, correction_of, has_padding
from bittrue.simulator.plan.sums import COLUMNS, DEPTH, Bytes, Places
from bittrue.simulator.plan.tile import depthwise_tile
from bittrue.simulator.plan.words_products import depthwise_words
from bittrue.spec.op import Call
from bittrue.spec.ops.conv2d import Conv2d

Bound = Callable[[], object]


def bind_depthwise(builder: Builder, call: Call, table: Call | None) -> Bound | None:
    """A convolution with one filter a channel over channels that lie side by side; None for any other."""
    op, (source,) = cast(Conv2d, call.op), builder.operands(call)
    channels, unused, view = op.out_channels, unused_bits(call), source.view
    if not (op.groups == channels == source.spec.shape[1]) or not source.is_bytes or view.run(1) != 1:
        return None
    pitch, step, weight = view.pitch(2), view.pitch(3), call.constants["weight"].reshape(channels, -1)
    if unused is None or pitch is None or step is None or not has_padding(source, op.padding):
        return None
    finish, ending = finish_of(call, channels), ending_of(call, table, channels, 1)
    if finish is None or ending is None or weight.min() < INT8.min or weight.max() > INT8.max:
        return None
    (sy, sx), (py, px), (_, _, rows, columns) = op.stride, op.padding, call.output.shape
    y, x = np.ogrid[:rows, :columns]
    starts = (view.base - py * pitch - px * step + y * sy * pitch + x * sx * step).reshape(-1)
    ky, kx = np.ogrid[: op.kernel[0], : op.kernel[1]]
    taps = np.asarray((ky * pitch + kx * step).reshape(-1), np.int64)
    place = builder.place_image((call if table is None else table).output)
    kernel: Any = {"codes": depthwise_codes, "words": depthwise_words, "curve": depthwise_curve}[ending.kind]
    return partial(
        kernel,
        source.data,
        whole_tiles(starts),
        np.pad(taps, (0, -taps.size % DEPTH), mode="edge"),
        pack_taps(weight),
        channels,
        padded(correction_of(call, weight, channels), np.int32),
        finish.multiplier,
        finish.offset,
        finish.shift,
        finish.zero,
        finish.low,
        finish.high,
        unused,
        *ending.constants,
        place.data,
        whole_tiles(place.view.offsets((2, 3))),
        builder.sums(),
    )


def pack_taps(weight: NDArray[np.integer]) -> NDArray[np.int8]:
    """Weights [channels, taps] -> flat [blocks of 16 channels, fours of taps, 16, 4]; what is padded is 0."""
    channels, taps = weight.shape
    blocks, groups = -(-channels // COLUMNS), -(-taps // DEPTH)
    padded = np.zeros((blocks * COLUMNS, groups * DEPTH), np.int8)
    padded[:channels, :taps] = weight
    split = padded.reshape(blocks, COLUMNS, groups, DEPTH)
    return np.ascontiguousarray(split.transpose(0, 2, 1, 3)).reshape(-1)


@parallel_jit
def depthwise_codes(
    source: Bytes,
    starts: Places,
    taps: Places,
    weight: NDArray[np.int8],
    channels: int,
    correction: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    offset: Places,
    shift: Places,
    zero: NDArray[np.int32],
    low: int,
    high: int,
    unused: int,
    table: Bytes,
    target: Bytes,
    places: Places,
    scratch: NDArray[np.int32],
) -> None:
    """Output bytes of every pixel by `tile.depthwise_tile`; starts, places: whole tiles; scratch: a row a thread."""
    for tile in prange(starts.size // 8):
        sums = scratch[get_thread_id()]
        for column in range(0, channels, 16):
            depthwise_tile(
                source,
                starts,
                8 * tile,
                taps,
                weight,
                column * taps.size,
                column,
                min(16, channels - column),
                correction,
                multiplier,
                offset,
                shift,
                zero,
                low,
                high,
                unused,
                table,
                target,
                places,
                sums,
            )
