"""Profiles of TFLite's runtimes against those runtimes, on random layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from numpy.random import Generator
from peers import constants, draws, litert
from peers.comparison import Comparison
from peers.layers import Array, Layer
from peers.ours import By, Profile, profile
from peers.tflite_models import model

CAUSES = {
    ("tflite_reference", "table, sigmoid"): "LiteRT computes the table in float32; the true value lies next to a tie",
}
"""(profile, op) -> why elements differ."""

Draw = Callable[[Generator], tuple[Layer, list[Array]]]


@dataclass(frozen=True)
class Runtime:
    """Something that runs TFLite models, and the constants that it makes."""

    name: str
    run: Callable[[bytes, Sequence[Array]], Array]
    constants: constants.Constants


REFERENCE = Runtime("LiteRT 2.3.0, BUILTIN_REF", litert.reference, constants.Gemmlowp())
XNNPACK = Runtime("LiteRT 2.3.0, XNNPACK delegate", litert.xnnpack, constants.Float32())
MICRO = Runtime("TFLite Micro 0.dev20261023182759", litert.micro, constants.Gemmlowp(mul_in_double=True))
STAND_IN = replace(MICRO, name=f"{MICRO.name}, which has the same rule")

DRAWS: dict[str, tuple[Draw, int]] = {
    "conv2d": (partial(draws.convolution, depthwise=False), 200),
    "conv2d, depthwise": (partial(draws.convolution, depthwise=True), 300),
    "linear, per tensor": (partial(draws.fully_connected, per_channel=False), 120),
    "linear, per channel": (partial(draws.fully_connected, per_channel=True), 120),
    "matmul": (draws.batch_matmul, 150),
    "add": (partial(draws.elementwise, kind="add"), 60),
    "mul": (partial(draws.elementwise, kind="mul"), 60),
    "mean": (draws.mean, 400),
    "avg_pool2d": (draws.average_pool, 150),
    "softmax": (draws.softmax, 60),
    "requantize (QUANTIZE)": (draws.requantize, 60),
    "table, sigmoid": (partial(draws.pointwise, function="sigmoid"), 200),
    "table, gelu": (partial(draws.pointwise, function="gelu"), 60),
    "hardswish": (partial(draws.pointwise, function="hardswish"), 200),
}
"""Ops of a profile, and how many layers the table draws."""
DELEGATED: dict[str, tuple[Draw, int]] = {
    op: DRAWS[op]
    for op in (
        "conv2d",
        "conv2d, depthwise",
        "linear, per tensor",
        "linear, per channel",
        "add",
        "mul",
        "mean",
        "requantize (QUANTIZE)",
        "table, sigmoid",
    )  # fmt: skip
} | {"matmul": (partial(draws.batch_matmul, right_zero_point=False), 150)}
"""What LiteRT hands to XNNPACK; BATCH_MATMUL where the right operand has no zero point."""
GEMMLOWP = ("conv2d", "conv2d, depthwise", "linear, per tensor", "linear, per channel", "matmul", "mul")


def against(runtime: Runtime, ours: Profile, draw: Draw, rng: Generator) -> tuple[Array, Array]:
    """One random layer through the profile and through the runtime."""
    layer, codes = draw(rng)
    return ours.layer(layer, codes), runtime.run(model(layer), codes).reshape(layer.y.shape)


def lines(name: str, runtime: Runtime, ops: Mapping[str, tuple[Draw, int]], by: By) -> list[Comparison]:
    """A profile against a runtime, op by op."""
    ours = profile(name, runtime.constants, by)
    return [
        Comparison(name, op, runtime.name, partial(against, runtime, ours, draw), trials, CAUSES.get((name, op), ""))
        for op, (draw, trials) in ops.items()
    ]


def comparisons(by: By = "simulator") -> list[Comparison]:
    """tflite_reference, tflite_xnnpack, cmsis_nn and ethos_u; GELU is missing in TFLite Micro."""
    return [
        *lines("tflite_reference", REFERENCE, DRAWS, by),
        *lines("tflite_xnnpack", XNNPACK, DELEGATED, by),
        *lines("cmsis_nn", STAND_IN, {op: DRAWS[op] for op in DRAWS if op != "table, gelu"}, by),
        *lines("ethos_u", STAND_IN, {op: DRAWS[op] for op in GEMMLOWP}, by),
    ]
