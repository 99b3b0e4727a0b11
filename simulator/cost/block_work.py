"""One step as an array of dot products sees it: a window that slides over an image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from bittrue.simulator.cost.sizes import Operands, element_bytes, operands
from bittrue.spec.machine import Array
from bittrue.spec.op import Call
from bittrue.spec.ops.activation import Activation
from bittrue.spec.ops.avg_pool2d import AvgPool2d
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.ops.linear import Linear
from bittrue.spec.ops.matmul import MatMul
from bittrue.spec.ops.mean import Mean
from bittrue.spec.ops.table import Table
from bittrue.spec.tensors import TensorSpec

Mode = Literal["sum", "channel", "pool"]
"""Input channels are summed; or each has its own weights; or its own without weights."""


@dataclass(frozen=True)
class Window:
    """Output height x width x depth; each output takes kernel_height x kernel_width taps of its input channels."""

    mode: Mode
    groups: int
    """Groups run one after another; the other figures are of one group."""
    out_height: int
    out_width: int
    out_depth: int
    in_depth: int
    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    input_bytes: int
    """Of one code, as are output_bytes and weight_bytes."""
    output_bytes: int
    weight_bytes: int
    accumulator_bytes: int
    input_passes: int = 1
    weight_passes: int = 1
    """Chunks of an operand that is wider than its port."""

    @property
    def taps(self) -> int:
        """Of the kernel."""
        return self.kernel_height * self.kernel_width

    @property
    def weights(self) -> int:
        """Bytes of one group's weights."""
        each = 0 if self.mode == "pool" else self.taps * self.weight_bytes
        return each * self.out_depth * (self.in_depth if self.mode == "sum" else 1)


def window(call: Call, array: Array) -> Window | None:
    """The step as a window; None where it does not run on the array. A product without a constant is no window."""
    pools = array.block is not None and array.block.pools
    match call.op:
        case Conv2d(kernel=kernel, stride=stride, groups=groups):
            channels = call.inputs[0].shape[1]
            depthwise = groups == channels == call.output.shape[1]
            mode: Mode = "channel" if depthwise else "sum"
            return _window(call, array, mode, 1 if depthwise else groups, call.output.shape, channels, kernel, stride)
        case Linear():
            features = call.inputs[0].shape[-1]
            return _window(call, array, "sum", 1, _image(call.output), features, (1, 1), (1, 1))
        case MatMul() if array.block is not None and array.block.product_bytes is None:
            *batch, rows, features = call.inputs[0].shape
            count = math.prod(batch)
            columns = call.output.shape[-1]
            return _window(call, array, "sum", count, (1, count * columns, 1, rows), count * features, (1, 1), (1, 1))
        case Table() | Activation() if pools:
            shape = _image(call.output)
            return _window(call, array, "pool", 1, shape, shape[1], (1, 1), (1, 1))
        case AvgPool2d(kernel=kernel, stride=stride) if pools:
            return _window(call, array, "pool", 1, call.output.shape, call.output.shape[1], kernel, stride)
        case Mean() if pools:
            outputs = call.output.size
            taps = (call.inputs[0].size // outputs, 1)
            return _window(call, array, "channel", 1, (1, outputs, 1, 1), outputs, taps, (1, 1))
    return None


def _image(spec: TensorSpec) -> tuple[int, int, int, int]:
    """[1, C, H, W]; rows of a matrix lie in the squarest image that holds them."""
    if len(spec.shape) == 4:
        return (1, *spec.shape[1:])
    rows = math.prod(spec.shape[:-1])
    height = max(side for side in range(1, math.isqrt(rows) + 1) if rows % side == 0)
    return 1, spec.shape[-1], height, rows // height


def _window(
    call: Call,
    array: Array,
    mode: Mode,
    groups: int,
    shape: tuple[int, ...],
    channels: int,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
) -> Window:
    _, depth, height, width = shape
    # A mean has weights of 1, which are fetched like any other.
    weight_bits = operands(call).second_bits if call.op.name != "mean" and mode != "pool" else 8
    widths = Operands(call.inputs[0].bits, weight_bits, True)
    return Window(
        mode=mode,
        groups=groups,
        out_height=height,
        out_width=width,
        out_depth=depth // groups,
        in_depth=channels // groups,
        kernel_height=kernel[0],
        kernel_width=kernel[1],
        stride_height=stride[0],
        stride_width=stride[1],
        input_bytes=element_bytes(call.inputs[0].bits),
        output_bytes=element_bytes(call.output.bits),
        weight_bytes=element_bytes(weight_bits),
        accumulator_bytes=element_bytes(call.datapath.mac.accumulator_bits),
        input_passes=widths.first_passes(array),
        weight_passes=1 if mode == "pool" else widths.second_passes(array),
    )
