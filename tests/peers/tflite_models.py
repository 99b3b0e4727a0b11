"""Single-operator TFLite models, built directly as FlatBuffers: no converter stands between the parameters wanted
and the parameters run. Source: the TFLite schema (`schema_py_generated`), as ai-edge-litert ships it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from peers.layers import (
    Activation,
    Array,
    AveragePool,
    BatchMatmul,
    Codes,
    Convolution,
    Elementwise,
    FullyConnected,
    Layer,
    Mean,
    Pointwise,
    Requantize,
    Softmax,
    Weights,
)

ACTIVATIONS: dict[Activation, int] = {
    "none": schema.ActivationFunctionType.NONE,
    "relu": schema.ActivationFunctionType.RELU,
    "relu6": schema.ActivationFunctionType.RELU6,
}
_INT8, _INT32 = schema.TensorType.INT8, schema.TensorType.INT32
_POINTWISE = {"sigmoid": ("LOGISTIC", 2), "gelu": ("GELU", 2), "hardswish": ("HARD_SWISH", 1)}


@dataclass(frozen=True)
class _Constant:
    values: Array
    scales: tuple[float, ...] = ()
    axis: int = 0


@dataclass(frozen=True)
class _Operator:
    name: str
    version: int
    options: Any = None

    @property
    def options_type(self) -> int:
        """The union's tag of the options: the class name less its T."""
        return 0 if self.options is None else int(getattr(schema.BuiltinOptions, type(self.options).__name__[:-1]))


def model(layer: Layer) -> bytes:
    """The layer as a TFLite model; its inputs are the layer's, in order."""
    match layer:
        case Convolution():
            return _convolution(layer)
        case FullyConnected(x=x, weights=weights, y=y, activation=activation):
            options = schema.FullyConnectedOptionsT()
            options.fusedActivationFunction = ACTIVATIONS[activation]
            return _packed(_Operator("FULLY_CONNECTED", 4, options), [x, *_weights(x, weights, 0)], y)
        case BatchMatmul(a=a, b=b, y=y):
            return _packed(_Operator("BATCH_MATMUL", 3, schema.BatchMatMulOptionsT()), [a, b], y)
        case Elementwise(kind=kind, a=a, b=b, y=y, activation=activation):
            options = schema.AddOptionsT() if kind == "add" else schema.MulOptionsT()
            options.fusedActivationFunction = ACTIVATIONS[activation]
            return _packed(_Operator(kind.upper(), 2, options), [a, b], y)
        case Mean(x=x, axes=axes, y=y):
            options = schema.ReducerOptionsT()
            options.keepDims = len(y.shape) == len(x.shape)
            return _packed(_Operator("MEAN", 2, options), [x, _Constant(np.array(axes, np.int32))], y)
        case AveragePool(x=x, y=y):
            options = schema.Pool2DOptionsT()
            options.strideH = options.strideW = layer.stride
            options.filterHeight = options.filterWidth = layer.window
            options.padding = schema.Padding.SAME if layer.same else schema.Padding.VALID
            options.fusedActivationFunction = ACTIVATIONS[layer.activation]
            return _packed(_Operator("AVERAGE_POOL_2D", 2, options), [x], y)
        case Softmax(x=x, y=y, beta=beta):
            options = schema.SoftmaxOptionsT()
            options.beta = beta
            return _packed(_Operator("SOFTMAX", 2, options), [x], y)
        case Pointwise(function=function, x=x, y=y):
            name, version = _POINTWISE[function]
            options = {"gelu": schema.GeluOptionsT, "hardswish": schema.HardSwishOptionsT}.get(function, lambda: None)()
            return _packed(_Operator(name, version, options), [x], y)
        case Requantize(x=x, y=y):
            return _packed(_Operator("QUANTIZE", 2, schema.QuantizeOptionsT()), [x], y)
    raise ValueError(f"no TFLite operator for {type(layer).__name__}")


def _convolution(layer: Convolution) -> bytes:
    options = schema.DepthwiseConv2DOptionsT() if layer.depthwise else schema.Conv2DOptionsT()
    options.strideH = options.strideW = layer.stride
    options.padding = schema.Padding.SAME if layer.same else schema.Padding.VALID
    options.fusedActivationFunction = ACTIVATIONS[layer.activation]
    if layer.depthwise:
        options.depthMultiplier = 1
    operator = _Operator("DEPTHWISE_CONV_2D" if layer.depthwise else "CONV_2D", 3, options)
    return _packed(operator, [layer.x, *_weights(layer.x, layer.weights, 3 if layer.depthwise else 0)], layer.y)


def _weights(x: Codes, weights: Weights, axis: int) -> tuple[_Constant, _Constant]:
    """Weights and bias, whose scale is the input's times the weights'."""
    bias = _Constant(weights.bias.astype(np.int32), tuple(x.scale * scale for scale in weights.scales))
    return _Constant(weights.codes.astype(np.int8), weights.scales, axis), bias


def _packed(operator: _Operator, inputs: Sequence[Codes | _Constant], y: Codes) -> bytes:
    model = schema.ModelT()
    model.version = 3
    model.operatorCodes = [_operator_code(operator)]
    model.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    graph.tensors = [_tensor(model, index, tensor) for index, tensor in enumerate([*inputs, y])]
    node = schema.OperatorT()
    node.inputs, node.outputs = list(range(len(inputs))), [len(inputs)]
    node.builtinOptionsType, node.builtinOptions = operator.options_type, operator.options
    graph.operators = [node]
    graph.inputs = [index for index, tensor in enumerate(inputs) if isinstance(tensor, Codes)]
    graph.outputs = [len(inputs)]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _operator_code(operator: _Operator) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, operator.name)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = operator.version
    return code


def _tensor(model: Any, index: int, tensor: Codes | _Constant) -> Any:
    """The schema's tensor; a constant's bytes go to a new buffer of `model`."""
    if isinstance(tensor, Codes):
        return _described(index, tensor.shape, _INT8, (tensor.scale,), tensor.zero_point)
    kind = _INT32 if tensor.values.dtype == np.int32 else _INT8
    stored = _described(index, tensor.values.shape, kind, tensor.scales, 0, tensor.axis)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(tensor.values).tobytes(), dtype=np.uint8)
    model.buffers.append(buffer)
    stored.buffer = len(model.buffers) - 1
    return stored


def _described(
    index: int, shape: tuple[int, ...], kind: int, scales: tuple[float, ...], zero_point: int, axis: int = 0
) -> Any:
    """Name, shape, type and, where there are scales, quantization."""
    stored = schema.TensorT()
    stored.name, stored.shape, stored.type = f"t{index}", list(shape), kind
    if scales:
        quantization = schema.QuantizationParametersT()
        quantization.scale = [float(np.float32(scale)) for scale in scales]
        quantization.zeroPoint = [zero_point] * len(scales)
        quantization.quantizedDimension = axis
        stored.quantization = quantization
    return stored
