"""conv2d, fast: every tap reads one run of codes for all outputs of a channel; see spec/ops/conv2d.py.

The padded input is split into one plane for each phase of the stride, so that neighbouring outputs read
neighbouring codes. Outputs are computed with the pitch of these planes; the columns between the
output's width and the pitch hold nothing of meaning and are dropped by the requantizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from bittrue.simulator.accumulate import accumulate, register_codes, working_dtype
from bittrue.simulator.requantize import Requantizer, finish_planes
from bittrue.spec.op import Call
from bittrue.spec.ops.conv2d import Conv2d


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """One image [1, I, H, W] -> [1, O, OH, OW]; fills `accumulator` and `rounded` [1, O, OH, OW] int64."""
    op = cast(Conv2d, call.op)
    _, channels, height, width = call.output.shape
    planes, plane_shape = phase_planes(call, operands[0])
    pitch = plane_shape[1]
    order, ends = tap_order(call)
    codes = register_codes(call, call.constants["weight"], call.datapath.mac.weight_bits_max)
    weight = codes.reshape(op.groups, channels // op.groups, -1)[..., order]
    accumulator = accumulate(
        call,
        weight,
        planes,
        tap_starts(call, plane_shape)[:, order],
        length=height * pitch,
        bias=np.broadcast_to(call.constants["bias"], (channels,)).reshape(op.groups, -1, 1),
        ends=ends,
    )
    planes_out = accumulator.reshape(channels, height, pitch)
    return finish_planes(call, planes_out, Requantizer.of(call, channels), stages, width=width)


def phase_planes(call: Call, image: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """The padded input, flat, as [channel, phase y, phase x, row, column]; and one plane's (rows, columns).

    Element (i, j) of phase (a, b) is the padded input at (i*sy + a, j*sx + b).
    """
    op, dtype = cast(Conv2d, call.op), working_dtype(call)
    (sy, sx), (py, px) = op.stride, op.padding
    _, channels, height, width = image.shape
    rows, columns = -(-(height + 2 * py) // sy), -(-(width + 2 * px) // sx)
    image, outside = _seen(call, image)
    if (sy, sx, py, px) == (1, 1, 0, 0) and op.kernel[1] == 1:
        return image.astype(dtype).reshape(-1), (rows, columns)
    # The last run of the last plane may read up to a kernel's width past it, into columns that are dropped.
    size = channels * rows * sy * columns * sx
    flat = np.zeros(size + op.kernel[1], dtype)
    padded = flat[:size].reshape(channels, rows * sy, columns * sx)
    if py or px:
        padded[...] = outside
    padded[:, py : py + height, px : px + width] = image[0]
    if (sy, sx) == (1, 1):
        return flat, (rows, columns)
    phases = np.zeros_like(flat)
    split = padded.reshape(channels, rows, sy, columns, sx).transpose(0, 2, 4, 1, 3)
    phases[:size].reshape(split.shape)[...] = split
    return phases, (rows, columns)


def _seen(call: Call, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the multiplier sees of the image, and what of a tap outside it: [channels or 1, 1, 1]."""
    spec = call.inputs[0]
    zero = np.reshape(np.array(spec.zero_point, np.int64), (-1, 1, 1))
    if call.datapath.mac.zero_point == "subtracted":
        return image - zero, np.zeros_like(zero)
    return register_codes(call, image, spec.bits), register_codes(call, zero, spec.bits)


def tap_order(call: Call) -> tuple[np.ndarray, np.ndarray | None]:
    """In which order the machine walks the taps, as indices into (c, ky, kx) flattened, int64 [taps]; and
    the tap after each tile's last where a tile is a block of channels at one kernel position."""
    op, mac = cast(Conv2d, call.op), call.datapath.mac
    c, ky, kx = (index.reshape(-1) for index in np.indices((call.inputs[0].shape[1] // op.groups, *op.kernel)))
    position = {"c": c, "ky": ky, "kx": kx, "c_tile": c // max(mac.k_tile, 1)}
    order = np.lexsort([position[axis] for axis in reversed(mac.order)])  # the last key is the outermost loop
    if "c_tile" not in mac.order:
        return order, None
    tile = np.stack([position[axis][order] for axis in mac.order[:-1]])
    changes = np.flatnonzero((tile[:, 1:] != tile[:, :-1]).any(axis=0)) + 1
    return order, np.append(changes, order.size).astype(np.int64)


def tap_starts(call: Call, plane_shape: tuple[int, int]) -> np.ndarray:
    """Where each tap's run begins in the flat planes: int64 [groups, taps], taps in (c, ky, kx) flattened."""
    op = cast(Conv2d, call.op)
    (sy, sx), (rows, columns) = op.stride, plane_shape
    of_group = call.inputs[0].shape[1] // op.groups
    group, c, ky, kx = np.ogrid[: op.groups, :of_group, : op.kernel[0], : op.kernel[1]]
    plane = ((group * of_group + c) * sy + ky % sy) * sx + kx % sx
    starts = plane * (rows * columns) + ky // sy * columns + kx // sx
    return np.asarray(starts.reshape(op.groups, -1), np.int64)
