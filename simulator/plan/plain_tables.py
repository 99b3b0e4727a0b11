"""Tables of what the plain kernel of an elementwise step gives for every byte, or for every pair of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bittrue.simulator.kernels import KERNELS
from bittrue.simulator.plan.storage import SLACK, byte_offset
from bittrue.simulator.plan.sums import Bytes
from bittrue.spec.op import Call
from bittrue.spec.tensors import TensorSpec


def plain_table(call: Call, index: int) -> Bytes:
    """What the plain kernel makes of every byte of one input; other inputs lie at their first code.

    Only for steps in which an output element reads one element of this input.
    """
    spec = call.inputs[index]
    low, high = spec.code_range
    codes = np.arange(low, high + 1)
    shapes = [(1, 1, 1, codes.size) if i == index else (1, 1, 1, 1) for i in range(len(call.inputs))]
    if call.op.name == "concat":
        shapes = [(1, 1, 1, codes.size)] * len(call.inputs)
    operands = [
        (codes if i == index else np.full(shape[-1], other.code_range[0])).astype(other.dtype).reshape(shape)
        for i, (shape, other) in enumerate(zip(shapes, call.inputs, strict=True))
    ]
    small = _resized(call, shapes, index)
    output = KERNELS[call.op.name](small, operands, None)
    part = output[:, index] if call.op.name == "concat" else output
    table = np.zeros(256, np.uint8)
    offset = byte_offset(spec)
    table[low + offset : high + offset + 1] = part.reshape(-1).astype(np.int64) + byte_offset(call.output)
    return table


def plain_pairs(call: Call) -> Bytes:
    """What the plain kernel makes of every pair of bytes: [a * 256 + b]."""
    a, b = call.inputs
    codes = [np.arange(spec.code_range[0], spec.code_range[1] + 1) for spec in (a, b)]
    grid = np.meshgrid(*codes, indexing="ij")
    shape = (1, 1, codes[0].size, codes[1].size)
    operands = [values.astype(spec.dtype).reshape(shape) for values, spec in zip(grid, (a, b), strict=True)]
    output = KERNELS[call.op.name](_resized(call, [shape, shape], 0), operands, None)
    table = np.zeros((256, 256), np.uint8)
    rows, columns = (values + byte_offset(spec) for values, spec in zip(codes, (a, b), strict=True))
    table[np.ix_(rows, columns)] = output.reshape(rows.size, columns.size).astype(np.int64) + byte_offset(call.output)
    return np.pad(table.reshape(-1), (0, SLACK))


def _resized(call: Call, shapes: Sequence[tuple[int, ...]], index: int) -> Call:
    shape = list(shapes[index])
    if call.op.name == "concat":
        shape[1] = len(shapes)
    inputs = tuple(_one_format(spec, size) for spec, size in zip(call.inputs, shapes, strict=True))
    return replace(call, inputs=inputs, output=_one_format(call.output, tuple(shape)))


def _one_format(spec: TensorSpec, shape: tuple[int, ...]) -> TensorSpec:
    """A tensor of another shape with the scale and zero point of the first channel: all channels are alike here."""
    return replace(spec, shape=shape, axis=None, scale=spec.scale[:1], zero_point=spec.zero_point[:1])
