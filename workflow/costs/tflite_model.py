"""One layer as a TFLite model of a single int8 operator, for a compiler that reads nothing else.

Built directly as a FlatBuffer from the TFLite schema (`schema_py_generated`, which ai-edge-litert ships). Only
shapes and widths matter to a cost model; weights are uniform random codes, which no compiler compresses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from bittrue.workflow.costs.layers import Layer

SCALE = 1 / 64
_SEED = 7
_TYPES = {np.dtype(np.int8): schema.TensorType.INT8, np.dtype(np.int32): schema.TensorType.INT32}


@dataclass(frozen=True)
class _Operator:
    name: str
    version: int
    options: Any = None


def tflite_model(layer: Layer) -> bytes:
    """The model's file. Activations [1, H, W, C], rows [H*W, C], operands of a product [batch, rows, columns]."""
    image = (1, layer.height, layer.width, layer.in_channels)
    rows = (layer.height * layer.width, layer.in_channels)
    result = (1, layer.out_height, layer.out_width, layer.out_channels)
    make = _Builder()
    match layer.kind:
        case "conv2d":
            options = _strided(schema.Conv2DOptionsT(), layer)
            shape = (layer.out_channels, layer.kernel, layer.kernel, layer.in_channels)
            inputs = [make.codes(image), *make.weights(shape, 0)]
            return make.model(_Operator("CONV_2D", 3, options), inputs, result)
        case "depthwise":
            options = _strided(schema.DepthwiseConv2DOptionsT(), layer)
            options.depthMultiplier = 1
            inputs = [make.codes(image), *make.weights((1, layer.kernel, layer.kernel, layer.in_channels), 3)]
            return make.model(_Operator("DEPTHWISE_CONV_2D", 3, options), inputs, result)
        case "fully_connected":
            inputs = [make.codes(rows), *make.weights((layer.out_channels, layer.in_channels), 0)]
            operator = _Operator("FULLY_CONNECTED", 4, schema.FullyConnectedOptionsT())
            return make.model(operator, inputs, (rows[0], layer.out_channels))
        case "matmul":
            first = (layer.batch, layer.width, layer.in_channels)
            second = (layer.batch, layer.in_channels, layer.out_channels)
            inputs = [make.codes(first), make.codes(second)]
            operator = _Operator("BATCH_MATMUL", 3, schema.BatchMatMulOptionsT())
            return make.model(operator, inputs, (layer.batch, layer.width, layer.out_channels))
        case "softmax":
            options = schema.SoftmaxOptionsT()
            options.beta = 1.0
            return make.model(
                _Operator("SOFTMAX", 2, options), [make.codes(rows)], rows, scale=1 / 256, zero_point=-128
            )
        case "add" | "mul":
            options = schema.AddOptionsT() if layer.kind == "add" else schema.MulOptionsT()
            inputs = [make.codes(image), make.codes(image)]
            return make.model(_Operator(layer.kind.upper(), 2, options), inputs, image)
        case "logistic":
            return make.model(_Operator("LOGISTIC", 2), [make.codes(image)], image, scale=1 / 256, zero_point=-128)
        case "relu":
            return make.model(_Operator("RELU", 2), [make.codes(image)], image)
        case "avg_pool2d":
            options = _strided(schema.Pool2DOptionsT(), layer)
            options.filterHeight = options.filterWidth = layer.kernel
            return make.model(_Operator("AVERAGE_POOL_2D", 2, options), [make.codes(image)], result)
        case "mean":
            options = schema.ReducerOptionsT()
            options.keepDims = True
            inputs = [make.codes(image), make.constant(np.array([1, 2], np.int32))]
            return make.model(_Operator("MEAN", 2, options), inputs, (1, 1, 1, layer.out_channels))
    raise ValueError(f"no TFLite operator for {layer.kind}")


def _strided(options: Any, layer: Layer) -> Any:
    options.strideH = options.strideW = layer.stride
    options.padding = schema.Padding.SAME
    return options


class _Builder:
    """Collects tensors and their bytes."""

    def __init__(self) -> None:
        self._model = schema.ModelT()
        self._model.buffers = [schema.BufferT()]
        self._tensors: list[Any] = []
        self._random = np.random.default_rng(_SEED)
        self._inputs: list[int] = []

    def codes(self, shape: tuple[int, ...]) -> int:
        """An input of the model; its index."""
        index = self._tensor(shape, schema.TensorType.INT8, [SCALE], [0])
        self._inputs.append(index)
        return index

    def weights(self, shape: tuple[int, ...], axis: int) -> tuple[int, int]:
        """Weights and bias with a scale a channel along `axis`."""
        channels = shape[axis]
        codes = self._random.integers(-127, 128, shape, dtype=np.int8)
        bias = self._random.integers(-1000, 1000, channels, dtype=np.int32)
        scales = [SCALE * (1 + channel / channels) for channel in range(channels)]
        weight = self.constant(codes, scales, axis)
        return weight, self.constant(bias, [SCALE * scale for scale in scales])

    def constant(self, values: NDArray[Any], scales: list[float] | None = None, axis: int = 0) -> int:
        """A tensor with its bytes; its index."""
        zero_points = [0] * len(scales) if scales else []
        index = self._tensor(values.shape, _TYPES[values.dtype], scales or [], zero_points, axis)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), dtype=np.uint8)
        self._tensors[index].buffer = len(self._model.buffers)
        self._model.buffers.append(buffer)
        return index

    def model(
        self,
        operator: _Operator,
        inputs: list[int],
        shape: tuple[int, ...],
        *,
        scale: float = SCALE,
        zero_point: int = 0,
    ) -> bytes:
        """The file of a model whose output has this shape and quantization."""
        output = self._tensor(shape, schema.TensorType.INT8, [scale], [zero_point])
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, operator.name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = operator.version
        node = schema.OperatorT()
        node.inputs, node.outputs = inputs, [output]
        if operator.options is not None:
            # The union's tag is the name of the options' class less its T.
            node.builtinOptionsType = getattr(schema.BuiltinOptions, type(operator.options).__name__[:-1])
            node.builtinOptions = operator.options
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self._tensors, [node]
        graph.inputs, graph.outputs = self._inputs, [output]
        self._model.version = 3
        self._model.operatorCodes, self._model.subgraphs = [code], [graph]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _tensor(
        self, shape: tuple[int, ...], kind: int, scales: list[float], zero_points: list[int], axis: int = 0
    ) -> int:
        stored = schema.TensorT()
        stored.name, stored.shape, stored.type = f"t{len(self._tensors)}", list(shape), kind
        if scales:
            quantization = schema.QuantizationParametersT()
            quantization.scale, quantization.zeroPoint = scales, zero_points
            quantization.quantizedDimension = axis
            stored.quantization = quantization
        self._tensors.append(stored)
        return len(self._tensors) - 1
