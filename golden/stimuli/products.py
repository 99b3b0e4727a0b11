"""Products seen as vectors: rows of the MAC by im2col, and accumulators of the requantizer with their constants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np

from bittrue.golden.stimuli.ran_step import RanStep, UnitView, spread
from bittrue.spec.errors import BadInput, Unsupported
from bittrue.spec.op import Call
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.ops.matmul import MatMul
from bittrue.spec.units.section import Integers


def _requantize(step: RanStep, *, axis: int | None) -> Iterator[UnitView]:
    """Accumulators with what their channel brings; `axis` is the channels'."""
    call = step.call
    if call.requantizer.kind == "thresholds":
        raise Unsupported("a requantizer of thresholds has no vectors of single accumulators", where=call.step)
    entering = "quotient" if "quotient" in step.stages else "accumulator"
    if entering not in step.stages:
        raise BadInput("the trace has no stages", where=call.step, next_step="simulate the image with stages")
    accumulator = step.stages[entering]
    shape = accumulator.shape
    low, high = call.output.code_range

    def broadcast(values: Integers) -> Integers:
        line = np.asarray(values, np.int64)
        if line.size > 1:
            line = line.reshape([-1 if i == (axis or 0) % len(shape) else 1 for i in range(len(shape))])
        return np.broadcast_to(line, shape).reshape(-1)

    driven = {
        "accumulator": accumulator.reshape(-1),
        **{role: broadcast(call.constants[role]) for role in call.requantizer.roles},
        "zero_point": broadcast(np.array(call.output.zero_point)),
        "low": broadcast(np.array(low)),
        "high": broadcast(np.array(high)),
    }
    yield step.view("requantize", driven, {})


def conv2d(step: RanStep, units: tuple[str, ...] | None) -> Iterator[UnitView]:
    """Windows of every group, and every accumulator with what its channel brings."""
    if units is None or "mac" in units:
        yield from _conv2d_mac(step)
    if units is None or "requantize" in units:
        yield from _requantize(step, axis=1)


def _conv2d_mac(step: RanStep) -> Iterator[UnitView]:
    """im2col: a row is the window of one output pixel, in the order in which the machine walks it."""
    call, op = step.call, cast(Conv2d, step.call.op)
    order = _tap_order(call)
    if order is None:
        return
    spec, (kh, kw), (sy, sx), (py, px) = call.inputs[0], op.kernel, op.stride, op.padding
    _, channels, height, width = call.output.shape
    of_group, columns = spec.shape[1] // op.groups, channels // op.groups
    zero = np.broadcast_to(np.array(spec.zero_point, np.int64), spec.shape[1:2] if spec.axis == 1 else (1,))
    zero = np.broadcast_to(zero, (spec.shape[1],)).reshape(-1, 1, 1)
    image = np.asarray(step.inputs[0][0], np.int64)
    padded = np.broadcast_to(zero, (spec.shape[1], image.shape[1] + 2 * py, image.shape[2] + 2 * px)).copy()
    padded[:, py : py + image.shape[1], px : px + image.shape[2]] = image
    pixels = spread(height * width, step.limit)
    y, x = np.divmod(pixels, width)
    rows = (y * sy).reshape(-1, 1, 1, 1) + np.arange(kh).reshape(1, 1, -1, 1)
    across = (x * sx).reshape(-1, 1, 1, 1) + np.arange(kw).reshape(1, 1, 1, -1)
    weight, bias = call.constants["weight"], np.broadcast_to(call.constants["bias"], (channels,))
    for group in step.chosen(op.groups):
        inside = slice(group * of_group, (group + 1) * of_group)
        source = np.arange(group * of_group, (group + 1) * of_group).reshape(1, -1, 1, 1)
        taps = padded[source, rows, across].reshape(len(pixels), -1)[:, order]
        made = slice(group * columns, (group + 1) * columns)
        constants = {
            "weights": weight[made].reshape(columns, -1)[:, order].T,
            "bias": bias[made],
            **_operands(call, int(zero[inside].reshape(-1)[0])),
        }
        yield step.view("mac", {"activations": taps}, constants, None if op.groups == 1 else ("group", group))


def linear(step: RanStep, units: tuple[str, ...] | None) -> Iterator[UnitView]:
    """Rows of codes, and every accumulator with what its feature brings."""
    call = step.call
    if units is None or "mac" in units:
        rows = step.inputs[0].reshape(-1, call.inputs[0].shape[-1])
        features = call.output.shape[-1]
        constants = {
            "weights": call.constants["weight"].T,
            "bias": np.broadcast_to(call.constants["bias"], (features,)),
            **_operands(call, call.inputs[0].zero_point[0]),
        }
        yield step.view("mac", {"activations": rows}, constants)
    if units is None or "requantize" in units:
        yield from _requantize(step, axis=-1)


def matmul(step: RanStep, units: tuple[str, ...] | None) -> Iterator[UnitView]:
    """Rows of the left operand of each product, the right one as weights; and every accumulator."""
    call, op = step.call, cast(MatMul, step.call.op)
    if units is None or "mac" in units:
        left = step.inputs[0].reshape(-1, *step.inputs[0].shape[-2:])
        right = step.inputs[1].reshape(-1, *step.inputs[1].shape[-2:])
        right = right.swapaxes(1, 2) if op.transpose_b else right
        a, b = call.inputs
        for index in step.chosen(len(left)):
            constants = {
                "weights": right[index],
                "bias": np.zeros(right.shape[2], np.int64),
                **{"activation_zero_point": np.array(a.zero_point[0]), "weight_zero_point": np.array(b.zero_point[0])},
                **{"activation_bits": np.array(a.bits), "weight_bits": np.array(b.bits)},
            }
            part = ("product", index) if len(left) > 1 else None
            yield step.view("mac", {"activations": left[index]}, constants, part)
    if units is None or "requantize" in units:
        yield from _requantize(step, axis=None)


def weighted_sum(step: RanStep, units: tuple[str, ...] | None) -> Iterator[UnitView]:
    """Every accumulator: its sums are no rows that share weights."""
    if units is None or "requantize" in units:
        yield from _requantize(step, axis=None)


def _operands(call: Call, zero_point: int) -> dict[str, Integers]:
    """What the MAC is told of codes and weights of a step."""
    subtracted = call.datapath.mac.zero_point == "subtracted"
    return {
        "activation_zero_point": np.array(zero_point if subtracted else 0),
        "weight_zero_point": np.array(0),
        "activation_bits": np.array(call.inputs[0].bits),
        "weight_bits": np.array(call.datapath.mac.weight_bits_max),
    }


def _tap_order(call: Call) -> Integers | None:
    """Indices into (c, ky, kx) flattened, in the order of the datapath; None where its tiles are blocks of channels
    that do not divide them, which rows of equal tiles cannot say."""
    op, mac = cast(Conv2d, call.op), call.datapath.mac
    channels = call.inputs[0].shape[1] // op.groups
    if "c_tile" in mac.order and channels % mac.k_tile:
        return None
    c, ky, kx = (index.reshape(-1) for index in np.indices((channels, *op.kernel)))
    position = {"c": c, "ky": ky, "kx": kx, "c_tile": c // max(mac.k_tile, 1)}
    return np.lexsort([position[axis] for axis in reversed(mac.order)])
