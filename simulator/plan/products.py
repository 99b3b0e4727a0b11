"""conv2d and linear as matrix products of bytes, for the fast machine; depthwise ones stand in depthwise.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.curve_products import gemm_curve
from bittrue.simulator.plan.ending import WORD_BITS, ending_of
from bittrue.simulator.plan.finish import finish_of, padded, unused_bits, wrapped_int32
from bittrue.simulator.plan.gemm import gemm_codes, gemm_sums, pack, whole_tiles
from bittrue.simulator.plan.storage import Stored, byte_offset
from bittrue.simulator.plan.sums import Places
from bittrue.simulator.plan.words_products import gemm_words
from bittrue.simulator.requantize import Requantizer
from bittrue.spec.op import Call
from bittrue.spec.ops.conv2d import Conv2d

Bound = Callable[[], object]
INT8 = np.iinfo(np.int8)


def bind_conv2d(builder: Builder, call: Call, table: Call | None) -> Bound | None:
    """An ungrouped convolution over channels that lie side by side; None for any other."""
    op = cast(Conv2d, call.op)
    (source,) = builder.operands(call)
    if op.groups != 1 or source.view.run(1) != 1:
        return None
    windows = window_rows(op, source, call)
    if windows is None:
        return None
    rows, segments, words = windows
    weight = call.constants["weight"].transpose(0, 2, 3, 1).reshape(op.out_channels, -1)
    return _bind(builder, call, table, weight, rows, segments, words, channel=1)


def bind_linear(builder: Builder, call: Call, table: Call | None) -> Bound | None:
    """Rows whose features lie side by side; None for any other."""
    (source,) = builder.operands(call)
    last = len(call.output.shape) - 1
    if source.view.run(last) != 1:
        return None
    rows, features = source.view.offsets(range(last)), source.spec.shape[-1]
    return _bind(builder, call, table, call.constants["weight"], rows, np.zeros(1, np.int64), features, channel=last)


def window_rows(op: Conv2d, source: Stored, call: Call) -> tuple[Places, Places, int] | None:
    """Where each output's window begins, where its runs of neighbouring bytes begin within, and their length."""
    view, channels = source.view, source.spec.shape[1]
    (kh, kw), (sy, sx), (py, px) = op.kernel, op.stride, op.padding
    if (kh, kw, sy, sx, py, px) == (1, 1, 1, 1, 0, 0):
        return view.offsets((2, 3)), np.zeros(1, np.int64), channels
    pitch, step = view.pitch(2), view.pitch(3)
    if pitch is None or step is None or (step == 1 and channels > 1):
        return None
    if not has_padding(source, op.padding):
        return None
    border = view.base - py * pitch - px * step
    _, _, rows, columns = call.output.shape
    y, x = np.ogrid[:rows, :columns]
    places = (border + y * sy * pitch + x * sx * step).reshape(-1)
    ky, kx = np.ogrid[:kh, :kw]
    if step == channels:
        return places, np.arange(kh, dtype=np.int64) * pitch, kw * channels
    return places, np.asarray((ky * pitch + kx * step).reshape(-1), np.int64), channels


def has_padding(source: Stored, padding: tuple[int, int]) -> bool:
    """Whether the bytes around an image hold its zero point, as far out as a convolution reads."""
    low, high = source.spec.code_range
    wide = all(have >= wanted for have, wanted in zip(source.border, padding, strict=True))
    return not any(padding) or (wide and all(low <= zero <= high for zero in source.spec.zero_point))


def correction_of(call: Call, weight: NDArray[np.integer], channels: int) -> NDArray[np.int32]:
    """What is added to each column's sum of bytes times weights [columns, K] to make it the accumulator.

    A depthwise convolution may have an input zero point for each of its columns; any other that is subtracted is one
    for all channels.
    """
    bias = np.broadcast_to(call.constants["bias"].astype(np.int64), (channels,))
    return wrapped_int32(bias - taken_of(call) * weight.astype(np.int64).sum(axis=1))


def taken_of(call: Call) -> NDArray[np.int64]:
    """What is subtracted from a stored element of the first input to make it what the multiplier sees.

    One for all channels, or one each.
    """
    spec = call.inputs[0]
    if call.datapath.mac.zero_point == "folded":
        return np.array([byte_offset(spec)], np.int64)
    one = len(set(spec.zero_point)) == 1
    return byte_offset(spec) + np.array(spec.zero_point[:1] if one else spec.zero_point, np.int64)


def _bind(
    builder: Builder,
    call: Call,
    table: Call | None,
    weight: NDArray[np.integer],
    rows: Places,
    segments: Places,
    length: int,
    *,
    channel: int,
) -> Bound | None:
    """The product of rows of bytes by weights [columns, K = segments * length], finished into the output's place."""
    (source,), unused, channels = builder.operands(call), unused_bits(call), weight.shape[0]
    if unused is None or not source.is_bytes or weight.min() < INT8.min or weight.max() > INT8.max:
        return None
    finish = finish_of(call, channels) if call.output.bits <= WORD_BITS else None
    if finish is None and (table is not None or unused):
        return None
    ending = ending_of(call, table, channels, channel)
    if finish is not None and ending is None:
        return None
    result = call if table is None else table
    place = builder.place_like(result.output, source.view, channel)
    places = place.view.offsets([axis for axis in range(len(call.output.shape)) if axis != channel])
    correction = padded(correction_of(call, weight, channels), np.int32)
    order = np.argsort(places, kind="stable")  # as the output lies in memory
    rows, places = whole_tiles(rows[order]), places[order]
    packed, words = pack(weight, segments.size), -(-length // 4)
    if finish is None or ending is None:
        return _requantized(builder, call, rows, segments, words, packed, correction, place, places)
    kernel: Any = {"codes": gemm_codes, "words": gemm_words, "curve": gemm_curve}[ending.kind]
    return partial(
        kernel,
        source.data,
        rows,
        segments,
        words,
        packed,
        channels,
        correction,
        finish.multiplier,
        finish.offset,
        finish.shift,
        finish.zero,
        finish.low,
        finish.high,
        unused,
        *ending.constants,
        place.data,
        whole_tiles(places),
        builder.sums(),
    )


def _requantized(
    builder: Builder,
    call: Call,
    rows: Places,
    segments: Places,
    words: int,
    packed: NDArray[np.int8],
    correction: NDArray[np.int32],
    place: Stored,
    places: Places,
) -> Bound:
    """Accumulators first, then the datapath's requantizer on all of them."""
    (source,), channels = builder.operands(call), call.constants["weight"].shape[0]
    sums = np.empty((places.size, channels), np.int32)
    requantizer, dtype, offset = Requantizer.of(call, channels), call.output.dtype, byte_offset(call.output)
    target, scratch = place.data, builder.sums()
    columns = places[:, None] + np.arange(channels)

    def run() -> None:
        gemm_sums(source.data, rows, segments, words, packed, correction, sums, scratch)
        codes = requantizer.rows(sums, dtype)
        target[columns] = (codes.view(np.uint8) ^ offset) if place.is_bytes else codes

    return run
