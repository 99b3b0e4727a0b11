"""The profile onnxruntime against ONNX Runtime's QLinear operators, int8."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from numpy.random import Generator
from peers import draws, ort
from peers.comparison import Comparison
from peers.constants import OnnxRuntime
from peers.layers import Array, Convolution, Elementwise
from peers.ours import By, Profile, profile
from peers.tflite_cases import Draw

PEER = "onnxruntime 1.31.1, CPU provider"
DRAWS: dict[str, tuple[Draw, int]] = {
    "conv2d (QLinearConv)": (partial(draws.convolution, depthwise=False), 200),
    "conv2d, depthwise (QLinearConv)": (partial(draws.convolution, depthwise=True), 300),
    "matmul (QLinearMatMul)": (draws.batch_matmul, 150),
    "add (QLinearAdd)": (partial(draws.elementwise, kind="add"), 60),
    "mul (QLinearMul)": (partial(draws.elementwise, kind="mul"), 60),
    "concat (QLinearConcat)": (draws.concat, 60),
    "mean (QLinearGlobalAveragePool)": (partial(draws.mean, axes=(1, 2)), 300),
    "table, sigmoid (QLinearSigmoid)": (partial(draws.pointwise, function="sigmoid"), 200),
}


def against(ours: Profile, draw: Draw, rng: Generator) -> tuple[Array, Array]:
    """One random layer; QLinear operators have no fused activation."""
    layer, codes = draw(rng)
    if isinstance(layer, Convolution | Elementwise):
        layer = replace(layer, activation="none")
    return ours.layer(layer, codes), ort.run(layer, codes)


def comparisons(by: By = "simulator") -> list[Comparison]:
    """Every operator that the profile has a unit for."""
    ours = profile("onnxruntime", OnnxRuntime(), by)
    return [
        Comparison("onnxruntime", op, PEER, partial(against, ours, draw), trials)
        for op, (draw, trials) in DRAWS.items()
    ]
