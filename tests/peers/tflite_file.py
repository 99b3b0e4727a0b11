"""Reads a quantized TFLite model into layers: models that a converter made, not this project's builder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from peers.layers import (
    Activation,
    Array,
    AveragePool,
    Codes,
    Convolution,
    Elementwise,
    FullyConnected,
    Layer,
    Mean,
    Pointwise,
    Softmax,
    Weights,
)
from peers.ours import Profile
from peers.tflite_models import ACTIVATIONS

_OPERATORS = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
_ACTIVATIONS: dict[int, Activation] = {value: name for name, value in ACTIVATIONS.items()}
_INTEGERS = {schema.TensorType.INT8: np.int8, schema.TensorType.INT32: np.int32}


@dataclass(frozen=True)
class Step:
    """A layer and the tensors that it reads and writes, by index."""

    layer: Layer
    inputs: tuple[int, ...]
    output: int


@dataclass(frozen=True)
class Network:
    """Layers in order."""

    inputs: dict[int, Codes]
    steps: tuple[Step, ...]
    output: int

    def run(self, profile: Profile, codes: Sequence[Array]) -> Array:
        """The network's output, every layer by the profile's units."""
        tensors = dict(zip(self.inputs, codes, strict=True))
        for step in self.steps:
            found = profile.layer(step.layer, [tensors[index] for index in step.inputs])
            tensors[step.output] = found.reshape(step.layer.y.shape).astype(np.int8)
        return tensors[self.output]


def network(model: bytes) -> Network:
    """A model of int8 operators that layers.py knows."""
    read = _Reader(schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0)))
    graph = read.graph
    steps = tuple(
        Step(read.layer(node), tuple(int(i) for i in node.inputs if not read.constant(i)), int(node.outputs[0]))
        for node in graph.operators
    )
    return Network({int(index): read.codes(index) for index in graph.inputs}, steps, int(graph.outputs[0]))


class _Reader:
    def __init__(self, model: Any) -> None:
        self.model = model
        self.graph = model.subgraphs[0]

    def constant(self, index: int) -> bool:
        """Whether the tensor's values stand in the model."""
        return self.model.buffers[self.graph.tensors[index].buffer].data is not None

    def codes(self, index: int) -> Codes:
        """An activation."""
        stored = self.graph.tensors[index]
        assert stored.type == schema.TensorType.INT8
        (scale,), (zero_point,) = stored.quantization.scale, stored.quantization.zeroPoint
        return Codes(tuple(int(side) for side in stored.shape), float(scale), int(zero_point))

    def values(self, index: int) -> Array:
        """A constant's integers."""
        stored = self.graph.tensors[index]
        data = np.asarray(self.model.buffers[stored.buffer].data, np.uint8).tobytes()
        return np.frombuffer(data, _INTEGERS[stored.type]).reshape([int(side) for side in stored.shape])

    def weights(self, node: Any) -> Weights:
        """Second and third input: weights, bias."""
        scales = self.graph.tensors[node.inputs[1]].quantization.scale
        return Weights(
            self.values(node.inputs[1]), tuple(float(scale) for scale in scales), self.values(node.inputs[2])
        )

    def layer(self, node: Any) -> Layer:
        """One operator."""
        name = _OPERATORS[self.model.operatorCodes[node.opcodeIndex].builtinCode]
        options, x, y = node.builtinOptions, self.codes(node.inputs[0]), self.codes(node.outputs[0])
        activation = _ACTIVATIONS[getattr(options, "fusedActivationFunction", 0)]
        same = getattr(options, "padding", None) == schema.Padding.SAME
        match name:
            case "CONV_2D" | "DEPTHWISE_CONV_2D":
                assert options.strideH == options.strideW
                depthwise = name == "DEPTHWISE_CONV_2D"
                return Convolution(x, self.weights(node), y, options.strideH, same, activation, depthwise)
            case "FULLY_CONNECTED":
                return FullyConnected(x, self.weights(node), y, activation)
            case "ADD" | "MUL":
                return Elementwise("add" if name == "ADD" else "mul", x, self.codes(node.inputs[1]), y, activation)
            case "MEAN":
                return Mean(x, tuple(self.values(node.inputs[1]).tolist()), y)
            case "AVERAGE_POOL_2D":
                return AveragePool(x, y, options.filterHeight, options.strideH, same, activation)
            case "SOFTMAX":
                return Softmax(x, y, options.beta)
            case "LOGISTIC":
                return Pointwise("sigmoid", x, y)
        raise ValueError(f"no layer for {name}")
