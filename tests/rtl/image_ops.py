"""Each op of a Program out of units: which arrays go to which design. Addresses are computed here, arithmetic is not.

One function an op: the machine, the Call and the input codes -> output codes. Contract: spec/ops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
from rtl.machine import Machine

from bittrue.spec.errors import Unsupported
from bittrue.spec.op import Call
from bittrue.spec.ops.concat import Concat
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.ops.matmul import MatMul
from bittrue.spec.ops.table import Table
from bittrue.spec.row_norm import unit_constants
from bittrue.spec.units.section import Integers

Run = Callable[[Machine, Call, Sequence[np.ndarray]], np.ndarray]


def conv2d(machine: Machine, call: Call, operands: Sequence[np.ndarray]) -> np.ndarray:
    """A product of patches by filters a group; groups of one channel side by side as a diagonal."""
    op = cast(Conv2d, call.op)
    weight, bias = call.constants["weight"], call.constants["bias"]
    filters, channels = weight.shape[:2]
    patches = _patches(call, operands[0])  # [positions, taps, I]
    single = channels == 1 and filters == op.groups
    width = machine.columns if single else 1
    accumulator = np.empty((len(patches), filters), np.int64)
    for first in range(0, op.groups, width):
        groups = range(first, min(first + width, op.groups))
        inputs = slice(first * channels, (groups[-1] + 1) * channels)
        outputs = slice(first * filters // op.groups, (groups[-1] + 1) * filters // op.groups)
        matrix = np.moveaxis(weight[outputs].reshape(-1, channels, patches.shape[1]), 0, 2)  # [c, taps, o]
        if single:  # each channel meets its own filter alone
            matrix = np.eye(len(groups), dtype=np.int64)[:, np.newaxis] * matrix
        rows = np.moveaxis(matrix, 0, 1).reshape(-1, matrix.shape[-1])  # (ky, kx, c), as the array walks
        codes = patches[:, :, inputs].reshape(len(patches), -1)
        accumulator[:, outputs] = machine.run("mac", activations=codes, weights=rows, bias=bias[outputs])
    return _requantized(machine, call, accumulator).T.reshape(call.output.shape)


def _patches(call: Call, codes: np.ndarray) -> Integers:
    """[output positions, taps (ky, kx), channels]; a tap outside the image reads its channel's zero point."""
    op = cast(Conv2d, call.op)
    (ky, kx), (sy, sx), (py, px) = op.kernel, op.stride, op.padding
    image = codes[0].astype(np.int64)
    padded = np.empty((image.shape[0], image.shape[1] + 2 * py, image.shape[2] + 2 * px), np.int64)
    padded[...] = np.array(call.inputs[0].zero_point).reshape(-1, 1, 1)
    padded[:, py : py + image.shape[1], px : px + image.shape[2]] = image
    windows = np.lib.stride_tricks.sliding_window_view(padded, (ky, kx), axis=(1, 2))[:, ::sy, ::sx]
    return np.ascontiguousarray(windows.transpose(1, 2, 3, 4, 0)).reshape(-1, ky * kx, image.shape[0])


def linear(machine: Machine, call: Call, operands: Sequence[np.ndarray]) -> np.ndarray:
    """One product for all rows."""
    rows = operands[0].reshape(-1, operands[0].shape[-1])
    weight, bias = call.constants["weight"], call.constants["bias"]
    accumulator = machine.run("mac", activations=rows, weights=weight.T, bias=bias)
    return _requantized(machine, call, accumulator).reshape(call.output.shape)


def matmul(machine: Machine, call: Call, operands: Sequence[np.ndarray]) -> np.ndarray:
    """One product for each leading index; b lies in the array as the weights do."""
    op = cast(MatMul, call.op)
    if op.divide_by_row_sum:
        raise Unsupported("no design divides by the sum of a row", where=call.step)
    a, b = (codes.reshape(-1, *codes.shape[-2:]) for codes in operands)
    b = b.swapaxes(-1, -2) if op.transpose_b else b
    zeros = [np.array(spec.zero_point[0]) for spec in call.inputs]
    products = [
        machine.run(
            "mac", activations=left, weights=right, activation_zero_point=zeros[0], weight_zero_point=zeros[1],
            activation_bits=np.array(call.inputs[0].bits), weight_bits=np.array(call.inputs[1].bits),
        )
        for left, right in zip(a, b, strict=True)
    ]  # fmt: skip
    flat = np.concatenate(products)
    return _requantized(machine, call, flat).reshape(call.output.shape)


def mean(machine: Machine, call: Call, operands: Sequence[np.ndarray]) -> np.ndarray:
    """A channel's plane is a row, and the weights are ones."""
    planes = operands[0].reshape(operands[0].shape[1], -1)
    ones = np.ones((planes.shape[1], 1), np.int64)
    zero = np.array(call.inputs[0].zero_point[0])
    sums = machine.run("mac", activations=planes, weights=ones, activation_zero_point=zero)
    return _requantized(machine, call, sums.T).T.reshape(call.output.shape)


def concat(machine: Machine, call: Call, operands: Sequence[np.ndarray]) -> np.ndarray:
    """Each input through the requantizer; codes that are copied only move."""
    op = cast(Concat, call.op)
    if op.copied(call.datapath):
        return np.concatenate(operands, axis=op.axis)
    parts = [
        _requantized(machine, call, codes.astype(np.int64) - spec.zero_point[0], part=i)
        for i, (codes, spec) in enumerate(zip(operands, call.inputs, strict=True))
    ]
    return np.concatenate(parts, axis=op.axis)


def add(machine: Machine, call: Call, operands: Sequence[np.ndarray]) -> np.ndarray:
    """The unit, with one set of constants."""
    a, b = operands
    zeros = {f"zero_point_{name}": np.array(spec.zero_point[0]) for name, spec in zip("ab", call.inputs, strict=True)}
    return machine.run("add", a=a, b=b, **zeros, **call.constants, **_limits(call), zero_point=_zero_point(call)[0])


def table(machine: Machine, call: Call, operands: Sequence[np.ndarray]) -> np.ndarray:
    """A table for all, or one for each channel, loaded one after the other."""
    axis = cast(Table, call.op).axis
    tables, low = call.constants["table"], np.array(call.inputs[0].code_range[0])
    if axis is None:
        return machine.run("table", codes=operands[0], table=tables[0], input_low=low)
    codes = np.moveaxis(operands[0], axis, 0)
    found = [
        machine.run("table", codes=one, table=entries, input_low=low)
        for one, entries in zip(codes, tables, strict=True)
    ]
    return np.moveaxis(np.stack(found), 0, axis)


def softmax(machine: Machine, call: Call, operands: Sequence[np.ndarray]) -> np.ndarray:
    """Rows along the last axis."""
    rows = operands[0].reshape(-1, call.output.shape[-1])
    return machine.run("softmax", logits=rows, **call.constants).reshape(call.output.shape)


def layer_norm(machine: Machine, call: Call, operands: Sequence[np.ndarray]) -> np.ndarray:
    """Rows along the last axis, gamma and beta by channel."""
    rows = operands[0].reshape(-1, call.output.shape[-1])
    ends = {**unit_constants(call), **_limits(call), "zero_point": _zero_point(call)[:1]}
    return machine.run("norm", codes=rows, **ends).reshape(call.output.shape)


def _requantized(machine: Machine, call: Call, accumulator: Integers, *, part: int | None = None) -> Integers:
    """Through the requantizer; the last axis of `accumulator` is the channel, where constants differ by channel."""
    constants = {name: call.constants[name] for name in ("multiplier", "shift")}
    if part is not None:
        constants = {name: array[part] for name, array in constants.items()}
    points = _zero_point(call)
    return machine.run("requantize", accumulator=accumulator, **constants, zero_point=points, **_limits(call))


def _zero_point(call: Call) -> Integers:
    return np.array(call.output.zero_point, np.int64)


def _limits(call: Call) -> dict[str, Integers]:
    low, high = call.output.code_range
    return {"low": np.array(low), "high": np.array(high)}


ON_UNITS: dict[str, tuple[Run, tuple[str, ...]]] = {
    "conv2d": (conv2d, ("mac", "requantize")),
    "linear": (linear, ("mac", "requantize")),
    "matmul": (matmul, ("mac", "requantize")),
    "mean": (mean, ("mac", "requantize")),
    "concat": (concat, ("requantize",)),
    "add": (add, ("add",)),
    "table": (table, ("table",)),
    "softmax": (softmax, ("softmax",)),
    "layer_norm": (layer_norm, ("norm",)),
}
"""By op: how it runs, and the units that it needs."""
MOVES = ("reshape", "permute", "slice", "constant")
"""Ops that are addresses: no design computes anything in them."""
