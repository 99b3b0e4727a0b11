"""The TOSA profiles, and what is one formula with them, against the TOSA reference model."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
from numpy.random import Generator
from peers import draws, tosa, tosa_elementwise
from peers.comparison import Comparison
from peers.constants import Gemmlowp
from peers.layers import Array, same_padding
from peers.ours import By, Profile, profile
from peers.tosa import Operand, Operator, scalar

PEER = "TOSA reference model, tosa-tools 2026.8.0"
LIMITS: dict[tosa.DType, tuple[int, int]] = {"INT8": (-128, 127), "INT16": (-32768, 32767)}
_INPUT_BITS: dict[tosa.DType, int] = {"INT8": 8, "INT16": 16, "INT32": 24}


def rescale(
    ours: Profile, double: bool, source: tosa.DType, target: tosa.DType, op: str | None, rng: Generator
) -> tuple[Array, Array]:
    """RESCALE with 32-bit multipliers, per tensor or per channel; a third of the multipliers is a power of two."""
    bits, (low, high) = _INPUT_BITS[source], LIMITS[target]
    channels = 8
    count = channels if rng.integers(2) else 1
    values = rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (4, 64, channels))
    multiplier = np.where(rng.random(count) < 0.3, 1 << 30, rng.integers(1 << 30, 1 << 31, count))
    # The result must fit 32 bits in front of the clamp: the specification demands it.
    shift = np.clip(31 + bits - high.bit_length() + rng.integers(-3, 4, count), max(2, bits), 62)
    zero_in = draws.zero_point(rng) if source == "INT8" else 0
    zero_out = draws.zero_point(rng) if target == "INT8" else 0
    operands = [
        Operand(values, source),
        Operand(multiplier, "INT32", constant=True),
        Operand(shift, "INT8", constant=True),
        scalar(zero_in, source),
        scalar(zero_out, target),
    ]
    attributes: dict[str, object] = {"double": double, "scale32": True, "per_channel": count > 1}
    theirs = tosa.run(Operator("RESCALE", operands, values.shape, target, attributes))
    centred = {"accumulator": values, "offset": np.array(zero_in)}
    if "offset" not in _requantizer_ports(ours):
        centred = {"accumulator": values - zero_in}
    placed = {"zero_point": np.array(zero_out), "low": np.array(low), "high": np.array(high)}
    return ours.run("requantize", {**centred, "multiplier": multiplier, "shift": shift, **placed}, op), theirs


def _requantizer_ports(ours: Profile) -> tuple[str, ...]:
    return ("offset",) if ours.datapath.requantization.offset else ()


def convolution(ours: Profile, depthwise: bool, rng: Generator) -> tuple[Array, Array]:
    """CONV2D or DEPTHWISE_CONV2D into 32-bit accumulators, bias included."""
    layer, (codes,) = draws.convolution(rng, depthwise=depthwise)
    kernel, stride, weights = layer.kernel, layer.stride, layer.weights
    pads = [same_padding(codes.shape[axis], kernel[axis - 1], stride) if layer.same else (0, 0) for axis in (1, 2)]
    # TOSA wants the padded side to be a whole number of strides: what is missing is padded, what is over cut.
    whole = [(out - 1) * stride + side for out, side in zip(layer.y.shape[1:3], kernel, strict=True)]
    ends = [whole[axis] - codes.shape[axis + 1] - pads[axis][0] for axis in (0, 1)]
    cut = codes[:, : codes.shape[1] + min(ends[0], 0), : codes.shape[2] + min(ends[1], 0)]
    values = weights.codes.transpose(1, 2, 3, 0) if depthwise else weights.codes
    operands = [
        Operand(cut, "INT8"),
        Operand(values, "INT8", constant=True),
        Operand(weights.bias, "INT32", constant=True),
        scalar(layer.x.zero_point, "INT8"),
        scalar(0, "INT8"),
    ]
    attributes: dict[str, object] = {
        "pad": [pads[0][0], max(ends[0], 0), pads[1][0], max(ends[1], 0)],
        "stride": [stride, stride],
    }
    name = "DEPTHWISE_CONV2D" if depthwise else "CONV2D"
    theirs = tosa.run(Operator(name, operands, layer.y.shape, "INT32", attributes))
    return ours.convolution_sums(layer, codes), theirs


def average_pool(ours: Profile, rng: Generator) -> tuple[Array, Array]:
    """AVG_POOL2D, padded and not; the padded side is a whole number of strides."""
    while True:
        layer, (codes,) = draws.average_pool(rng)
        side, window, stride = codes.shape[1], layer.window, layer.stride
        pad = same_padding(side, window, stride)[0] if layer.same else 0
        if (side + 2 * pad - window) % stride == 0 and 2 * pad <= window:
            break
    zero = scalar(layer.x.zero_point, "INT8")
    attributes: dict[str, object] = {"kernel": [window] * 2, "stride": [stride] * 2, "pad": [pad] * 4}
    operator = Operator("AVG_POOL2D", [Operand(codes, "INT8"), zero, zero], layer.y.shape, "INT8", attributes)
    return ours.layer(layer, [codes]), tosa.run(operator)


def table(ours: Profile, rng: Generator) -> tuple[Array, Array]:
    """TABLE of int8 codes with any entries."""
    codes, entries = draws.codes(rng, (4096,)), draws.codes(rng, (256,))
    operands = [Operand(codes, "INT8"), Operand(entries, "INT8", constant=True)]
    theirs = tosa.run(Operator("TABLE", operands, codes.shape, "INT8"))
    return ours.run("table", {"codes": codes, "table": entries}), theirs


Rule = Literal["single", "double"]
TARGETS: tuple[tuple[tosa.DType, tosa.DType], ...] = (("INT32", "INT8"), ("INT32", "INT16"), ("INT8", "INT8"))


def comparisons(by: By = "simulator") -> list[Comparison]:
    """Both profiles; CMSIS-NN's other build shares SINGLE_ROUND's formula."""
    found = []
    for rule in ("single", "double"):
        ours = profile(f"tosa_{rule}", Gemmlowp(mul_in_double=True, lifted_multipliers=rule == "single"), by)
        lines = {
            f"requantize, {source.lower()} to {target.lower()}": partial(
                rescale, ours, rule == "double", source, target, None
            )
            for source, target in TARGETS
        }
        lines |= {
            "mac, conv2d": partial(convolution, ours, False),
            "mac, conv2d, depthwise": partial(convolution, ours, True),
            "add": partial(tosa_elementwise.against, ours, "add", rule == "double"),
            "mul": partial(tosa_elementwise.against, ours, "mul", rule == "double"),
            "avg_pool2d": partial(average_pool, ours),
            "table": partial(table, ours),
        }
        found += [Comparison(ours.datapath.name, op, PEER, trial, 60) for op, trial in lines.items()]
    single = profile("cmsis_nn_single", by=by)
    shared = f"{PEER}: RESCALE SINGLE_ROUND, the same formula"
    for op in ("conv2d", "linear", "mul"):
        trial = partial(rescale, single, False, "INT32", "INT8", op)
        found.append(Comparison("cmsis_nn_single", f"requantize of {op}", shared, trial, 60))
    return found
