"""The formulas of spec/ops on Python integers, element by element: what the judges are judged by.

Python integers have no width, `Fraction` has no rounding, and nothing here is vectorized or shared with
golden/. The accumulator overflows after every single addition, wrapping included.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.op import Call
from bittrue.spec.tensors import TensorSpec

Array = NDArray[np.int64]


def rounded_quotient(value: int, shift: int, mode: Rounding) -> int:
    """The quotient by 2**shift, rounded as the mode's definition says."""
    exact = Fraction(value, 1 << shift)
    below = math.floor(exact)
    if mode is Rounding.TOWARD_ZERO:
        return math.trunc(exact)
    if mode is Rounding.FLOOR or exact - below < Fraction(1, 2):
        return below
    if exact - below > Fraction(1, 2):
        return below + 1
    up = {Rounding.HALF_UP: True, Rounding.HALF_AWAY: exact > 0, Rounding.HALF_EVEN: below % 2 == 1}[mode]
    return below + 1 if up else below


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


def register(call: Call, products: Iterable[int], bias: int | None = None) -> int:
    """The accumulator, addition by addition. A bias that comes first is loaded, and saturates like a sum."""
    mac = call.datapath.mac
    half = 1 << (mac.accumulator_bits - 1)
    terms = list(products)
    held = bias if bias is not None and mac.bias == "first" else 0
    if mac.overflow == "saturate":
        held = min(max(held, -half), half - 1)
    if bias is not None and mac.bias == "last":
        terms.append(bias)
    for term in terms:
        held += term
        if mac.overflow == "wrap":
            held = (held + half) % (2 * half) - half
        elif mac.overflow == "saturate":
            held = min(max(held, -half), half - 1)
    return held


def centred(call: Call, operands: list[Array], which: int, index: tuple[int, ...]) -> int:
    """An operand minus its zero point."""
    return int(operands[which][index]) - zero_point(call.inputs[which], index)


def conv2d(call: Call, operands: list[Array], index: tuple[int, ...]) -> tuple[int, int]:
    """(accumulator, channel) of one output element."""
    op, (_, o, y, x) = call.op, index
    weight, image = call.constants["weight"], operands[0]
    per_group = weight.shape[1]
    first = o // (op.out_channels // op.groups) * per_group  # type: ignore[attr-defined]

    def products() -> Iterator[int]:
        sizes = {"c": per_group, "ky": op.kernel[0], "kx": op.kernel[1]}  # type: ignore[attr-defined]
        for position in product(*(range(sizes[axis]) for axis in call.datapath.mac.order)):
            at = dict(zip(call.datapath.mac.order, position, strict=True))
            row = y * op.stride[0] + at["ky"] - op.padding[0]  # type: ignore[attr-defined]
            column = x * op.stride[1] + at["kx"] - op.padding[1]  # type: ignore[attr-defined]
            channel = first + at["c"]
            inside = 0 <= row < image.shape[2] and 0 <= column < image.shape[3]
            q = int(image[0, channel, row, column]) if inside else zero_point(call.inputs[0], (0, channel, 0, 0))
            yield q * int(weight[o, at["c"], at["ky"], at["kx"]])

    return register(call, products(), pick(call, "bias", o)), o


def linear(call: Call, operands: list[Array], index: tuple[int, ...]) -> tuple[int, int]:
    """(accumulator, channel) of one output element."""
    *row, o = index
    weight = call.constants["weight"]
    products = (int(operands[0][(*row, i)]) * int(weight[o, i]) for i in range(weight.shape[1]))
    return register(call, products, pick(call, "bias", o)), o


def matmul(call: Call, operands: list[Array], index: tuple[int, ...]) -> tuple[int, int]:
    """(accumulator, channel) of one output element."""
    *batch, m, n = index
    transposed = call.op.transpose_b  # type: ignore[attr-defined]

    def product_at(k: int) -> int:
        b_index = (*batch, n, k) if transposed else (*batch, k, n)
        return centred(call, operands, 0, (*batch, m, k)) * centred(call, operands, 1, b_index)

    return register(call, map(product_at, range(operands[0].shape[-1]))), 0


def weighted_sum(call: Call, operands: list[Array], index: tuple[int, ...]) -> tuple[int, int]:
    """(accumulator, channel) of one output element."""
    row = index[:-1]
    other = tuple(i if size > 1 else 0 for i, size in zip(row, operands[1].shape, strict=False))
    products = (
        centred(call, operands, 0, (*row, i)) * centred(call, operands, 1, (*other, i))
        for i in range(operands[0].shape[-1])
    )
    return register(call, products), 0


def mean(call: Call, operands: list[Array], index: tuple[int, ...]) -> tuple[int, int]:
    """(accumulator, channel) of one output element."""
    _, c, _, _ = index
    _, _, height, width = operands[0].shape
    return register(call, (centred(call, operands, 0, (0, c, y, x)) for y in range(height) for x in range(width))), 0


def avg_pool2d(call: Call, operands: list[Array], index: tuple[int, ...]) -> tuple[int, int]:
    """(accumulator, channel) of one output element; taps outside the image add nothing."""
    op, (_, c, y, x) = call.op, index
    _, _, height, width = operands[0].shape
    rows = (y * op.stride[0] + ky - op.padding[0] for ky in range(op.kernel[0]))
    columns = [x * op.stride[1] + kx - op.padding[1] for kx in range(op.kernel[1])]
    inside = ((row, column) for row in rows for column in columns if 0 <= row < height and 0 <= column < width)
    return register(call, (centred(call, operands, 0, (0, c, *place)) for place in inside)), 0


def mul(call: Call, operands: list[Array], index: tuple[int, ...]) -> tuple[int, int]:
    """(exact product, channel) of one output element."""
    other = tuple(i if size > 1 else 0 for i, size in zip(index, operands[1].shape, strict=True))
    return centred(call, operands, 0, index) * centred(call, operands, 1, other), 0


def rounded_product(call: Call, accumulator: int, multiplier: int, shift: int) -> int:
    """The product divided by 2**shift: at once, or through the high half that the first shift leaves."""
    second, first = call.second_rounding, call.datapath.requantization.first_shift
    if second is None:
        return rounded_quotient(accumulator * multiplier, shift, call.rounding)
    lifted = accumulator * 2 ** max(0, first - shift)
    half = rounded_quotient(lifted * multiplier, first, call.rounding)
    return rounded_quotient(half, shift - first, second) if shift > first else half


def requantized(accumulator_of, call: Call, operands: list[Array]) -> dict[str, Array]:  # type: ignore[no-untyped-def]
    """Stages and output of an op that ends in the requantizer."""
    found = {name: np.zeros(call.output.shape, np.int64) for name in ("accumulator", "rounded", "output")}
    for index in np.ndindex(call.output.shape):
        accumulator, channel = accumulator_of(call, operands, index)
        rounded = rounded_product(call, accumulator, pick(call, "multiplier", channel), pick(call, "shift", channel))
        found["accumulator"][index], found["rounded"][index] = accumulator, rounded
        found["output"][index] = code(call, rounded, index)
    return found


def add(call: Call, operands: list[Array]) -> dict[str, Array]:
    """Both stages and the output."""
    found = {name: np.zeros(call.output.shape, np.int64) for name in ("accumulator", "rounded", "output")}
    for index in np.ndindex(call.output.shape):
        total = centred(call, operands, 0, index) * pick(call, "multiplier_a", 0)
        total += centred(call, operands, 1, index) * pick(call, "multiplier_b", 0)
        rounded = rounded_quotient(total, pick(call, "shift", 0), call.rounding)
        found["accumulator"][index], found["rounded"][index] = total, rounded
        found["output"][index] = code(call, rounded, index)
    return found


def concat(call: Call, operands: list[Array]) -> dict[str, Array]:
    """The output."""
    output, start, axis = np.zeros(call.output.shape, np.int64), 0, call.op.axis  # type: ignore[attr-defined]
    for which, operand in enumerate(operands):
        for index in np.ndindex(operand.shape):
            multiplier, shift = (int(call.constants[role][which]) for role in ("multiplier", "shift"))
            rounded = rounded_product(call, centred(call, operands, which, index), multiplier, shift)
            at = tuple(i + start if k == axis else i for k, i in enumerate(index))
            output[at] = code(call, rounded, at)
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
        found["output"][row] = [min(rounded_quotient(e * reciprocal, shift, call.rounding), top) for e in exponentials]
    return found


def normalize(call: Call, codes: list[int]) -> tuple[list[int], list[int]]:
    """The five statistics of one row and its normalized values."""
    n, op = len(codes), call.op
    total, squares = sum(codes), sum(q * q for q in codes)
    variance = n * squares - total * total + int(call.constants["epsilon"][0])
    root = math.isqrt(variance << (2 * op.root_shift))  # type: ignore[attr-defined]
    reciprocal = (1 << op.reciprocal_bits) // root  # type: ignore[attr-defined]
    shift = op.reciprocal_bits - op.root_shift - call.datapath.norm.fraction_bits  # type: ignore[attr-defined]
    values = [rounded_quotient((n * q - total) * reciprocal, shift, call.rounding) for q in codes]
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
        rounded = rounded_quotient(scaled, pick(call, "shift", channel), call.rounding)
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
    others = {"add": add, "concat": concat, "table": table, "softmax": softmax, "layer_norm": norm, "group_norm": norm}
    name = call.op.name
    return requantized(macs[name], call, operands) if name in macs else others[name](call, operands)
