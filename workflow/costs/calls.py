"""A stored layer as a step that the cost model takes: int8, on the default datapath, with random constants.

Only shapes, widths and the number of constants matter to a cost.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bittrue.hw_configs.load import load_datapath
from bittrue.spec.op import Call, Constants
from bittrue.spec.ops import OPS
from bittrue.spec.ops.avg_pool2d import AvgPool2d
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.ops.linear import Linear
from bittrue.spec.ops.table import Table
from bittrue.spec.tensors import TensorSpec
from bittrue.workflow.costs.layers import Layer

_SEED = 7


def layer_call(layer: Layer, datapath: str = "iot_npu") -> Call:
    """Inputs are named x and y, the output out."""
    image = (1, layer.in_channels, layer.height, layer.width)
    result = (1, layer.out_channels, layer.out_height, layer.out_width)
    rows = (layer.height * layer.width, layer.in_channels)
    match layer.kind:
        case "conv2d" | "depthwise":
            groups = layer.in_channels if layer.kind == "depthwise" else 1
            pad = layer.kernel // 2
            convolution = Conv2d(
                layer.out_channels,
                kernel=(layer.kernel,) * 2,
                stride=(layer.stride,) * 2,
                padding=(pad,) * 2,
                groups=groups,
            )
            weight = (layer.out_channels, layer.in_channels // groups, layer.kernel, layer.kernel)
            return _call(convolution, [image], result, datapath, weight)
        case "fully_connected":
            product = Linear(layer.out_channels)
            return _call(
                product, [rows], (rows[0], layer.out_channels), datapath, (layer.out_channels, layer.in_channels)
            )
        case "matmul":
            first = (layer.batch, layer.width, layer.in_channels)
            second = (layer.batch, layer.in_channels, layer.out_channels)
            return _call(OPS["matmul"](), [first, second], (layer.batch, layer.width, layer.out_channels), datapath)
        case "softmax":
            return _call(OPS["softmax"](), [rows], rows, datapath)
        case "add" | "mul":
            return _call(OPS[layer.kind](), [image, image], image, datapath)
        case "logistic" | "relu":
            return _call(Table("lookup"), [image], image, datapath, table=layer.kind == "logistic")
        case "avg_pool2d":
            pool = AvgPool2d(kernel=(layer.kernel,) * 2, stride=(layer.stride,) * 2)
            return _call(pool, [image], result, datapath)
        case "mean":
            return _call(OPS["mean"](), [image], (1, layer.out_channels, 1, 1), datapath)
    raise ValueError(f"no step for {layer.kind}")


def _call(
    op: Any,
    inputs: list[tuple[int, ...]],
    output: tuple[int, ...],
    datapath: str,
    weight: tuple[int, ...] | None = None,
    table: bool = False,
) -> Call:
    specs = tuple(_tensor(name, shape) for name, shape in zip("xy", inputs, strict=False))
    return Call("layer", op, specs, _tensor("out", output), _constants(weight, table), load_datapath(datapath))


def _constants(weight: tuple[int, ...] | None, table: bool) -> Constants:
    random = np.random.default_rng(_SEED)
    if weight is not None:
        codes = random.integers(-127, 128, math.prod(weight)).reshape(weight)
        channels = np.arange(weight[0])
        # 4 bytes of bias, 4 of multiplier and 1 of shift for each output channel.
        return {
            "weight": codes,
            "bias": channels + (1 << 20),
            "multiplier": channels + (1 << 30),
            "shift": channels % 63,
        }
    if table:
        return {"table": np.arange(-128, 128)}
    return {}


def _tensor(name: str, shape: tuple[int, ...]) -> TensorSpec:
    return TensorSpec(name, shape, 8, True, (1.0,), (0,))
