"""One operator of a quantized network with everything that decides its result, as the runtimes know it.

Shapes are NHWC, weights of convolutions [out, kh, kw, in] (depthwise [1, kh, kw, channels]), of fully connected
layers [out, in]. A value is scale * (code - zero point); scales are float32 numbers held as Python floats.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Activation = Literal["none", "relu", "relu6"]


@dataclass(frozen=True)
class Codes:
    """An int8 tensor between operators."""

    shape: tuple[int, ...]
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Weights:
    """Constant int8 codes with zero point 0 and one scale, or one a channel, and an int32 bias."""

    codes: Array = field(compare=False)
    scales: tuple[float, ...]
    bias: Array = field(compare=False)


@dataclass(frozen=True)
class Convolution:
    """CONV_2D or DEPTHWISE_CONV_2D (channel multiplier 1); weight scales a channel."""

    x: Codes
    weights: Weights
    y: Codes
    stride: int
    same: bool
    activation: Activation = "none"
    depthwise: bool = False

    @property
    def kernel(self) -> tuple[int, int]:
        """(kh, kw)."""
        return self.weights.codes.shape[1], self.weights.codes.shape[2]


@dataclass(frozen=True)
class FullyConnected:
    """FULLY_CONNECTED: x [rows, in], y [rows, out]."""

    x: Codes
    weights: Weights
    y: Codes
    activation: Activation = "none"


@dataclass(frozen=True)
class BatchMatmul:
    """BATCH_MATMUL of two activations: a [batch, m, k], b [batch, k, n], y [batch, m, n]."""

    a: Codes
    b: Codes
    y: Codes


@dataclass(frozen=True)
class Elementwise:
    """ADD or MUL of two tensors of one shape."""

    kind: Literal["add", "mul"]
    a: Codes
    b: Codes
    y: Codes
    activation: Activation = "none"


@dataclass(frozen=True)
class Mean:
    """MEAN over axes."""

    x: Codes
    axes: tuple[int, ...]
    y: Codes


@dataclass(frozen=True)
class AveragePool:
    """AVERAGE_POOL_2D with a square window; input and output have one scale and zero point."""

    x: Codes
    y: Codes
    window: int
    stride: int
    same: bool
    activation: Activation = "none"


@dataclass(frozen=True)
class Softmax:
    """SOFTMAX along the last axis; y has scale 1/256 and zero point -128."""

    x: Codes
    y: Codes
    beta: float = 1.0


@dataclass(frozen=True)
class Pointwise:
    """A function of each code: LOGISTIC (y has scale 1/256, zero point -128), GELU by erf, HARD_SWISH."""

    function: Literal["sigmoid", "gelu", "hardswish"]
    x: Codes
    y: Codes


@dataclass(frozen=True)
class Requantize:
    """QUANTIZE of int8 codes to another scale and zero point."""

    x: Codes
    y: Codes


@dataclass(frozen=True)
class Concat:
    """Concatenation along the last axis of tensors of different scales; TFLite has it for equal ones only."""

    inputs: tuple[Codes, ...]
    y: Codes


Layer = (
    Convolution
    | FullyConnected
    | BatchMatmul
    | Elementwise
    | Mean
    | AveragePool
    | Softmax
    | Pointwise
    | Requantize
    | Concat
)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TFLite's SAME: zeros in front and behind, the odd one behind."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def windows(x: Array, kernel: tuple[int, int], stride: int, *, same: bool, fill: int) -> Array:
    """[n, h, w, c] -> [n, h', w', kh, kw, c]; `fill` stands outside the image."""
    if same:
        rows, columns = (same_padding(x.shape[axis], kernel[axis - 1], stride) for axis in (1, 2))
        x = np.pad(x, ((0, 0), rows, columns, (0, 0)), constant_values=fill)
    views = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(1, 2))[:, ::stride, ::stride]
    return np.moveaxis(views, 3, -1)
