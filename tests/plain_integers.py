"""The formulas of spec/ops on Python integers, element by element: what the judges are judged by.

Nothing here is vectorized or shared with golden/. The requantizer and the accumulator are those of
plain_units.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from plain_units import finished_sum, leaving, register_code, requantized, rounded_quotient, row_tiles, taps

from bittrue.spec.op import Call
from bittrue.spec.tensors import TensorSpec

Array = NDArray[np.int64]


def zero_point(spec: TensorSpec, index: tuple[int, ...]) -> int:
    """What stands for zero in the channel of an element."""
    return spec.zero_point[0] if spec.axis is None else spec.zero_point[index[spec.axis]]


def pick(call: Call, role: str, channel: int) -> int:
    """A constant that is one for all or one per channel."""
    values = call.constants[role]
    return int(values[0] if values.size == 1 else values[channel])


def code(call: Call, rounded: int, index: tuple[int, ...]) -> int:
    """The output code: zero point, then saturation."""
    low, high = call.output.code_range
    return min(max(rounded + zero_point(call.output, index), low), high)


def row(call: Call, products: Sequence[int], bias: int = 0) -> int:
    """The accumulator of a one-dimensional reduction."""
    mac = call.datapath.mac
    return leaving(mac, finished_sum(mac, row_tiles(mac, products), bias))


def centred(call: Call, operands: list[Array], which: int, index: tuple[int, ...]) -> int:
    """An operand minus its zero point."""
    return int(operands[which][index]) - zero_point(call.inputs[which], index)


def raw(call: Call, operands: list[Array], channel: int, index: tuple[int, ...]) -> int:
    """What the multiplier of conv2d and linear reads of an activation in a channel."""
    mac = call.datapath.mac
    if mac.zero_point == "subtracted":
        return centred(call, operands, 0, index)
    return register_code(mac, int(operands[0][index]), call.inputs[0].bits)


def conv2d(call: Call, operands: list[Array], index: tuple[int, ...]) -> tuple[int, int]:
    """(accumulator, channel) of one output element."""
    op, (_, o, y, x), mac = call.op, index, call.datapath.mac
    weight, image = call.constants["weight"], operands[0]
    per_group = weight.shape[1]
    first = o // (op.out_channels // op.groups) * per_group  # type: ignore[attr-defined]

    def term(at: dict[str, int]) -> int:
        row = y * op.stride[0] + at["ky"] - op.padding[0]  # type: ignore[attr-defined]
        column = x * op.stride[1] + at["kx"] - op.padding[1]  # type: ignore[attr-defined]
        channel = first + at["c"]
        if 0 <= row < image.shape[2] and 0 <= column < image.shape[3]:
            q = raw(call, operands, channel, (0, channel, row, column))
        elif mac.zero_point == "subtracted":
            q = 0
        else:
            q = register_code(mac, zero_point(call.inputs[0], (0, channel, 0, 0)), call.inputs[0].bits)
        return q * register_code(mac, int(weight[o, at["c"], at["ky"], at["kx"]]), mac.weight_bits_max)

    tiles = [[term(at) for at in tile] for tile in taps(mac, per_group, op.kernel)]  # type: ignore[attr-defined]
    return leaving(mac, finished_sum(mac, tiles, pick(call, "bias", o))), o


def linear(call: Call, operands: list[Array], index: tuple[int, ...]) -> tuple[int, int]:
    """(accumulator, channel) of one output element."""
    *rows, o = index
    weight, mac = call.constants["weight"], call.datapath.mac
    products = [
        raw(call, operands, 0, (*rows, i)) * register_code(mac, int(weight[o, i]), mac.weight_bits_max)
        for i in range(weight.shape[1])
    ]
    return row(call, products, pick(call, "bias", o)), o


def factor(call: Call, operands: list[Array], which: int, index: tuple[int, ...]) -> int:
    """What the multiplier of matmul and weighted_sum reads of an operand."""
    return register_code(call.datapath.mac, centred(call, operands, which, index), call.inputs[which].bits)


def matmul(call: Call, operands: list[Array], index: tuple[int, ...]) -> tuple[int, int]:
    """(accumulator, channel) of one output element."""
    *batch, m, n = index
    transposed = call.op.transpose_b  # type: ignore[attr-defined]

    def product_at(k: int) -> int:
        b_index = (*batch, n, k) if transposed else (*batch, k, n)
        return factor(call, operands, 0, (*batch, m, k)) * factor(call, operands, 1, b_index)

    return row(call, [product_at(k) for k in range(operands[0].shape[-1])]), 0


def weighted_sum(call: Call, operands: list[Array], index: tuple[int, ...]) -> tuple[int, int]:
    """(accumulator, channel) of one output element."""
    at = index[:-1]
    other = tuple(i if size > 1 else 0 for i, size in zip(at, operands[1].shape, strict=False))
    products = [
        factor(call, operands, 0, (*at, i)) * factor(call, operands, 1, (*other, i))
        for i in range(operands[0].shape[-1])
    ]
    return row(call, products), 0


def mean(call: Call, operands: list[Array], index: tuple[int, ...]) -> tuple[int, int]:
    """(accumulator, channel) of one output element."""
    _, c, _, _ = index
    _, _, height, width = operands[0].shape
    return row(call, [centred(call, operands, 0, (0, c, y, x)) for y in range(height) for x in range(width)]), 0


def avg_pool2d(call: Call, operands: list[Array], index: tuple[int, ...]) -> tuple[int, int]:
    """(accumulator, requantizer) of one output element; a tap outside the image adds 0 in its place.

    There is one requantizer, or one for each number of taps inside the image.
    """
    op, (_, c, y, x) = call.op, index
    _, _, height, width = operands[0].shape
    addends, taps = [], 0
    for ky, kx in product(range(op.kernel[0]), range(op.kernel[1])):  # type: ignore[attr-defined]
        at = y * op.stride[0] + ky - op.padding[0], x * op.stride[1] + kx - op.padding[1]  # type: ignore[attr-defined]
        inside = 0 <= at[0] < height and 0 <= at[1] < width
        addends.append(centred(call, operands, 0, (0, c, *at)) if inside else 0)
        taps += inside
    return row(call, addends), 0 if op.count_include_pad else taps - 1  # type: ignore[attr-defined]


def mul(call: Call, operands: list[Array], index: tuple[int, ...]) -> tuple[int, int]:
    """(exact product, channel) of one output element."""
    other = tuple(i if size > 1 else 0 for i, size in zip(index, operands[1].shape, strict=True))
    return centred(call, operands, 0, index) * centred(call, operands, 1, other), 0


def finished(call: Call, value: int, channel: int, index: tuple[int, ...]) -> tuple[int, int]:
    """The rounded value and the output code that the step's requantizer makes of an accumulator."""
    unit, (low, high) = call.requantizer, call.output.code_range
    point = zero_point(call.output, index)
    if unit.kind == "thresholds":
        rows = call.constants["thresholds"].tolist()
        found = requantized(unit, value, low=low, high=high, thresholds=rows[0 if len(rows) == 1 else channel])
    else:
        multiplier, shift = (pick(call, role, channel) for role in ("multiplier", "shift"))
        found = requantized(unit, value, multiplier, shift, point, low, high)
    return found.get("limited", found["rounded"]), found["output"]


def subtract(call: Call, operands: list[Array]) -> dict[str, Array]:
    """Both stages and the output."""
    found = {name: np.zeros(call.output.shape, np.int64) for name in ("accumulator", "rounded", "output")}
    for index in np.ndindex(call.output.shape):
        total = centred(call, operands, 0, index) * pick(call, "multiplier_a", 0)
        total -= centred(call, operands, 1, index) * pick(call, "multiplier_b", 0)
        rounded = rounded_quotient(total, pick(call, "shift", 0), call.datapath.add.rounding)
        found["accumulator"][index], found["rounded"][index] = total, rounded
        found["output"][index] = code(call, rounded, index)
    return found


def constant(call: Call, operands: list[Array]) -> dict[str, Array]:
    """The output."""
    return {"output": np.array(call.constants["codes"].tolist(), np.int64)}


def ends_in_requantizer(accumulator_of, call: Call, operands: list[Array]) -> dict[str, Array]:  # type: ignore[no-untyped-def]
    """Stages and output of an op that ends in the requantizer."""
    found = {name: np.zeros(call.output.shape, np.int64) for name in ("accumulator", "rounded", "output")}
    for index in np.ndindex(call.output.shape):
        accumulator, channel = accumulator_of(call, operands, index)
        found["accumulator"][index] = accumulator
        found["rounded"][index], found["output"][index] = finished(call, accumulator, channel, index)
    return found


def add(call: Call, operands: list[Array]) -> dict[str, Array]:
    """Both stages and the output."""
    found = {name: np.zeros(call.output.shape, np.int64) for name in ("accumulator", "rounded", "output")}
    for index in np.ndindex(call.output.shape):
        total = centred(call, operands, 0, index) * pick(call, "multiplier_a", 0)
        total += centred(call, operands, 1, index) * pick(call, "multiplier_b", 0)
        rounded = rounded_quotient(total, pick(call, "shift", 0), call.datapath.add.rounding)
        found["accumulator"][index], found["rounded"][index] = total, rounded
        found["output"][index] = code(call, rounded, index)
    return found


def concat(call: Call, operands: list[Array]) -> dict[str, Array]:
    """The output."""
    output, start, axis = np.zeros(call.output.shape, np.int64), 0, call.op.axis  # type: ignore[attr-defined]
    for which, operand in enumerate(operands):
        for index in np.ndindex(operand.shape):
            at = tuple(i + start if k == axis else i for k, i in enumerate(index))
            _, output[at] = finished(call, centred(call, operands, which, index), which, at)
        start += operand.shape[axis]
    return {"output": output}


def table(call: Call, operands: list[Array]) -> dict[str, Array]:
    """The output."""
    output, axis = np.zeros(call.output.shape, np.int64), call.op.axis  # type: ignore[attr-defined]
    for index in np.ndindex(call.output.shape):
        entry = int(operands[0][index]) - call.inputs[0].code_range[0]
        output[index] = call.constants["table"][0 if axis is None else index[axis], entry]
    return {"output": output}


def softmax(call: Call, operands: list[Array]) -> dict[str, Array]:
    """All stages and the output."""
    unit, rows = call.datapath.softmax, operands[0].shape[:-1]
    found = {name: np.zeros((*rows, 1), np.int64) for name in ("maximum", "sum", "reciprocal")}
    found |= {name: np.zeros(call.output.shape, np.int64) for name in ("exponential", "output")}
    for row in np.ndindex(rows):
        logits = operands[0][row].tolist()
        exponentials = [int(call.constants["table"][max(logits) - q]) for q in logits]
        reciprocal = (1 << unit.reciprocal_bits) // sum(exponentials)
        shift = unit.reciprocal_bits - unit.probability_bits
        top = (1 << unit.probability_bits) - 1
        found["maximum"][row], found["sum"][row], found["reciprocal"][row] = max(logits), sum(exponentials), reciprocal
        found["exponential"][row] = exponentials
        found["output"][row] = [min(rounded_quotient(e * reciprocal, shift, unit.rounding), top) for e in exponentials]
    return found


def normalize(call: Call, codes: list[int]) -> tuple[list[int], list[int]]:
    """The five statistics of one row and its normalized values."""
    n = len(codes)
    epsilon, k, p = (int(call.constants[role][0]) for role in ("epsilon", "root_shift", "reciprocal_bits"))
    total, squares = sum(codes), sum(q * q for q in codes)
    variance = n * squares - total * total + epsilon
    root = math.isqrt(variance << (2 * k))
    reciprocal = (1 << p) // root
    shift = p - k - call.datapath.norm.fraction_bits
    values = [rounded_quotient((n * q - total) * reciprocal, shift, call.datapath.norm.rounding) for q in codes]
    return [total, squares, variance, root, reciprocal], values


def norm(call: Call, operands: list[Array]) -> dict[str, Array]:
    """Layer norm and group norm: they differ in their rows and in the channel of an element."""
    layer, shape = call.op.name == "layer_norm", call.output.shape
    rows = operands[0].reshape(-1, shape[-1]) if layer else operands[0].reshape(call.op.groups, -1)  # type: ignore[attr-defined]
    statistics, normalized = zip(*(normalize(call, row.tolist()) for row in rows), strict=True)
    names = ("sum", "sum_of_squares", "variance", "root", "reciprocal")
    found = {
        name: np.array(column, np.int64).reshape((*shape[:-1], 1) if layer else (1, len(rows)))
        for name, column in zip(names, zip(*statistics, strict=True), strict=True)
    }
    found["normalized"] = np.array(normalized, np.int64).reshape(shape)
    found["output"] = np.zeros(shape, np.int64)
    for index in np.ndindex(shape):
        channel = index[-1] if layer else index[1]
        scaled = int(found["normalized"][index]) * pick(call, "multiplier", channel) + pick(call, "bias", channel)
        rounded = rounded_quotient(scaled, pick(call, "shift", channel), call.datapath.norm.rounding)
        found["output"][index] = code(call, rounded, index)
    return found


def expected(call: Call, operands: list[Array]) -> dict[str, Array]:
    """Every stage and the "output" of one step."""
    macs = {
        "conv2d": conv2d,
        "linear": linear,
        "matmul": matmul,
        "weighted_sum": weighted_sum,
        "mean": mean,
        "avg_pool2d": avg_pool2d,
        "mul": mul,
    }
    others = {
        "add": add,
        "concat": concat,
        "constant": constant,
        "group_norm": norm,
        "layer_norm": norm,
        "softmax": softmax,
        "sub": subtract,
        "table": table,
    }
    name = call.op.name
    return ends_in_requantizer(macs[name], call, operands) if name in macs else others[name](call, operands)
