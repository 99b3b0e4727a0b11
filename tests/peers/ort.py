"""Runs one layer as a QLinear operator of ONNX Runtime's CPU provider, int8, one thread. Layers are NHWC, ONNX is NCHW.

The rules were measured on x86-64 with AVX2 and above; on ARM QLinearAdd and QLinearGlobalAveragePool are others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from peers.layers import (
    Array,
    BatchMatmul,
    Codes,
    Concat,
    Convolution,
    Elementwise,
    Layer,
    Mean,
    Pointwise,
    Softmax,
    same_padding,
)

_CONTRIB = "com.microsoft"


@dataclass(frozen=True)
class _Node:
    operator: str
    domain: str
    inputs: str
    """Names in the operator's order; x, a, b are fed, the others are constants."""
    attributes: Mapping[str, object]


def run(layer: Layer, codes: Sequence[Array]) -> Array:
    """The layer's output codes in its own layout."""
    match layer:
        case Convolution():
            return _convolution(layer, codes[0])
        case BatchMatmul(a=a, b=b, y=y):
            node = _Node("QLinearMatMul", "", "a as az b bs bz ys yz", {})
            return _session(node, {"a": codes[0], "b": codes[1]}, _scales(a=a, b=b, y=y))
        case Elementwise(kind=kind, a=a, b=b, y=y):
            node = _Node("QLinearAdd" if kind == "add" else "QLinearMul", _CONTRIB, "a as az b bs bz ys yz", {})
            return _session(node, {"a": codes[0], "b": codes[1]}, _scales(a=a, b=b, y=y))
        case Mean(x=x, axes=(1, 2), y=y):
            node = _Node("QLinearGlobalAveragePool", _CONTRIB, "x xs xz ys yz", {"channels_last": 0})
            found = _session(node, {"x": _planes(codes[0])}, _scales(x=x, y=y))
            return np.moveaxis(found, 1, 3)
        case Pointwise(function="sigmoid", x=x, y=y):
            return _session(_Node("QLinearSigmoid", _CONTRIB, "x xs xz ys yz", {}), {"x": codes[0]}, _scales(x=x, y=y))
        case Softmax(x=x, y=y):
            node = _Node("QLinearSoftmax", _CONTRIB, "x xs xz ys yz", {"axis": -1, "opset": 13})
            return _session(node, {"x": codes[0]}, _scales(x=x, y=y))
        case Concat(inputs=(a, b), y=y):
            node = _Node("QLinearConcat", _CONTRIB, "ys yz a as az b bs bz", {"axis": len(y.shape) - 1})
            return _session(node, {"a": codes[0], "b": codes[1]}, _scales(a=a, b=b, y=y))
    raise ValueError(f"no QLinear operator for {type(layer).__name__}")


def _convolution(layer: Convolution, codes: Array) -> Array:
    weights = layer.weights.codes
    channels = weights.shape[3] if layer.depthwise else len(weights)
    pads = [same_padding(codes.shape[axis], layer.kernel[axis - 1], layer.stride) for axis in (1, 2)]
    attributes = {
        "strides": [layer.stride] * 2,
        "kernel_shape": list(layer.kernel),
        "group": channels if layer.depthwise else 1,
        "pads": [pads[0][0], pads[1][0], pads[0][1], pads[1][1]] if layer.same else [0] * 4,
    }
    constants = _scales(x=layer.x, y=layer.y) | {
        "w": np.moveaxis(weights, (3, 0) if layer.depthwise else (3,), (0, 1) if layer.depthwise else (1,)),
        "ws": np.array(layer.weights.scales, np.float32),
        "wz": np.zeros(channels, np.int8),
        "bias": layer.weights.bias.astype(np.int32),
    }
    node = _Node("QLinearConv", "", "x xs xz w ws wz ys yz bias", attributes)
    return np.moveaxis(_session(node, {"x": _planes(codes)}, constants), 1, 3)


def _scales(*, y: Codes, x: Codes | None = None, a: Codes | None = None, b: Codes | None = None) -> dict[str, Array]:
    """Scale and zero point of each tensor: xs, xz, ys, yz, ..."""
    given = {name: tensor for name, tensor in (("x", x), ("a", a), ("b", b), ("y", y)) if tensor is not None}
    scales = {f"{name}s": np.array(tensor.scale, np.float32) for name, tensor in given.items()}
    return scales | {f"{name}z": np.array(tensor.zero_point, np.int8) for name, tensor in given.items()}


def _planes(image: Array) -> Array:
    """NHWC -> NCHW."""
    return np.ascontiguousarray(np.moveaxis(image, 3, 1))


def _session(node: _Node, feeds: Mapping[str, Array], constants: Mapping[str, Array]) -> Array:
    graph = helper.make_graph(
        [helper.make_node(node.operator, node.inputs.split(), ["y"], domain=node.domain, **node.attributes)],
        "layer",
        [helper.make_tensor_value_info(name, TensorProto.INT8, array.shape) for name, array in feeds.items()],
        [helper.make_tensor_value_info("y", TensorProto.INT8, None)],
        [numpy_helper.from_array(np.array(array, order="C"), name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(_CONTRIB, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found: Array = session.run(None, dict(feeds))[0]
    return found
