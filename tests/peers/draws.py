"""Random layers with random codes: shapes, scales, zero points at the ends of their range, fused limits, left shifts.

Half of the weighted layers have scales that are powers of two, so that exact ties occur. Every draw stays within
what LiteRT runs: see litert.py.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from peers.layers import (
    Activation,
    Array,
    AveragePool,
    BatchMatmul,
    Codes,
    Concat,
    Convolution,
    Elementwise,
    FullyConnected,
    Mean,
    Pointwise,
    Requantize,
    Softmax,
    Weights,
    windows,
)
from peers.pool import symmetric_padding

LIMITS: tuple[Activation, ...] = ("none", "none", "relu", "relu6")
_SOFTMAX_SUM = 500  # LiteRT stops at 512


def codes(rng: Generator, shape: tuple[int, ...]) -> Array:
    """Every int8 code alike."""
    return rng.integers(-128, 128, shape).astype(np.int8)


def scale(rng: Generator, low: float = 1e-2, high: float = 0.3) -> float:
    """A float32, its logarithm uniform."""
    return float(np.float32(np.exp(rng.uniform(np.log(low), np.log(high)))))


def zero_point(rng: Generator) -> int:
    """A quarter each at both ends, 0 and anywhere."""
    return int(rng.choice([-128, 127, 0, int(rng.integers(-128, 128))]))


def tensor(rng: Generator, shape: tuple[int, ...], low: float = 1e-2, high: float = 0.3) -> Codes:
    """A tensor of any scale and zero point."""
    return Codes(shape, scale(rng, low, high), zero_point(rng))


def _activation(rng: Generator) -> Activation:
    return LIMITS[int(rng.integers(len(LIMITS)))]


def _ends(rng: Generator, shape: tuple[int, ...]) -> tuple[Codes, Codes]:
    """An input and a prototype of the output of a weighted layer; half of them powers of two."""
    if rng.integers(2):
        x = Codes(shape, 2.0**-5, zero_point(rng))
        return x, Codes((), 2.0 ** int(rng.integers(-11, -3)), zero_point(rng))
    return tensor(rng, shape, 1e-2, 0.1), tensor(rng, (), 1e-4, 0.3)


def _weights(rng: Generator, shape: tuple[int, ...], channels: int, scales: int) -> Weights:
    chosen = tuple(float(rng.choice([2.0**-8, 2.0**-7, scale(rng, 2e-3, 2e-2)])) for _ in range(scales))
    values = rng.integers(-127, 128, shape).astype(np.int8)
    return Weights(values, tuple(float(np.float32(value)) for value in chosen), rng.integers(-20000, 20000, channels))


def _image(rng: Generator, channels: int, batch: int = 2) -> tuple[int, ...]:
    return batch, int(rng.integers(3, 12)), int(rng.integers(3, 12)), channels


def convolution(rng: Generator, *, depthwise: bool, padded: bool = True) -> tuple[Convolution, list[Array]]:
    """Kernels 1x1 and 3x3, strides 1 and 2."""
    x, y = _ends(rng, _image(rng, int(rng.choice([1, 3, 16, 40]))))
    inputs, side, stride = x.shape[3], 3 if depthwise else int(rng.choice([1, 3])), int(rng.choice([1, 2]))
    outputs = inputs if depthwise else int(rng.choice([5, 16, 33]))
    shape = (1, side, side, inputs) if depthwise else (outputs, side, side, inputs)
    same = padded and bool(rng.integers(2))
    weights = _weights(rng, shape, outputs, outputs)
    values = codes(rng, x.shape)
    sides = windows(values, (side, side), stride, same=same, fill=0).shape[1:3]
    y = Codes((2, *sides, outputs), y.scale, y.zero_point)
    return Convolution(x, weights, y, stride, same, _activation(rng), depthwise), [values]


def fully_connected(rng: Generator, *, per_channel: bool) -> tuple[FullyConnected, list[Array]]:
    """8 to 320 inputs, 5 to 100 outputs."""
    inputs, outputs = int(rng.choice([8, 64, 320])), int(rng.choice([5, 16, 100]))
    x, y = _ends(rng, (64, inputs))
    weights = _weights(rng, (outputs, inputs), outputs, outputs if per_channel else 1)
    layer = FullyConnected(x, weights, Codes((64, outputs), y.scale, y.zero_point), _activation(rng))
    return layer, [codes(rng, x.shape)]


def batch_matmul(rng: Generator, *, right_zero_point: bool = True) -> tuple[BatchMatmul, list[Array]]:
    """Three products [20, k] x [k, 24]."""
    k = int(rng.choice([8, 64, 320]))
    a, y = _ends(rng, (3, 20, k))
    b = Codes((3, k, 24), 2.0**-7 if rng.integers(2) else scale(rng, 2e-3, 2e-2), zero_point(rng) * right_zero_point)
    right = codes(rng, b.shape) if right_zero_point else np.maximum(codes(rng, b.shape), -127)
    return BatchMatmul(a, b, Codes((3, 20, 24), y.scale, y.zero_point)), [codes(rng, a.shape), right]


def elementwise(rng: Generator, kind: str) -> tuple[Elementwise, list[Array]]:
    """Ratios of scales from 1/240 to 20 (add), products from 1/300 to 2.5 (mul); every fourth with ties."""
    shape = (1, 16, 16, 32)
    a, b = tensor(rng, shape), tensor(rng, shape)
    if rng.integers(4) == 0:
        a, b = Codes(shape, 2.0**-6, a.zero_point), Codes(shape, 2.0**-5, b.zero_point)
        y = Codes(shape, 2.0**-4, zero_point(rng))
    elif kind == "add":
        y = tensor(rng, shape, max(a.scale, b.scale) * 0.05, max(a.scale, b.scale) * 8)
    else:
        y = tensor(rng, shape, a.scale * b.scale * 0.4, a.scale * b.scale * 300)
    operands = [codes(rng, shape), codes(rng, shape)]
    return Elementwise("add" if kind == "add" else "mul", a, b, y, _activation(rng)), operands


def mean(rng: Generator, axes: tuple[int, ...] | None = None) -> tuple[Mean, list[Array]]:
    """Over height and width, or over channels."""
    shape = (2, int(rng.integers(1, 17)), int(rng.integers(1, 17)), 40)
    axes = axes or ((1, 2), (3,))[int(rng.integers(2))]
    x = tensor(rng, shape, 1e-3)
    kept = tuple(1 if axis in axes else side for axis, side in enumerate(shape))
    y = tensor(rng, kept, x.scale * 0.05, x.scale * 3)
    if rng.integers(3) == 0:
        x = Codes(shape, 2.0**-6, x.zero_point)
        y = Codes(kept, 2.0 ** int(rng.integers(-10, -4)), y.zero_point)
    return Mean(x, axes, y), [codes(rng, shape)]


def average_pool(rng: Generator, *, padded: bool = True) -> tuple[AveragePool, list[Array]]:
    """Windows up to the whole image, symmetric padding."""
    while True:
        window, stride = int(rng.integers(1, 9)), int(rng.integers(1, 4))
        side, same = int(rng.integers(window, 17)), padded and bool(rng.integers(2))
        if symmetric_padding(side, window, stride, same=same) is not None:
            break
    x = tensor(rng, (1, side, side, 24))
    values = codes(rng, x.shape)
    sides = windows(values, (window, window), stride, same=same, fill=0).shape[1:3]
    return AveragePool(x, Codes((1, *sides, 24), x.scale, x.zero_point), window, stride, same), [values]


def softmax(rng: Generator) -> tuple[Softmax, list[Array]]:
    """Rows of 2 to 1000 logits, uniform or around zero, whose exponentials sum to less than LiteRT's limit."""
    while True:
        shape, beta = (16, int(rng.choice([2, 3, 10, 64, 256, 1000]))), float(rng.choice([1.0, 1.0, 0.25, 2.0]))
        x = tensor(rng, shape, 1e-3, 1.0)
        values = codes(rng, shape) if rng.integers(3) else np.clip(rng.normal(0, 12, shape), -128, 127).astype(np.int8)
        below = values.astype(float) - values.max(axis=1, keepdims=True)
        if np.exp(beta * x.scale * below).sum(axis=1).max() < _SOFTMAX_SUM:
            return Softmax(x, Codes(shape, 1 / 256, -128), beta), [values]


def pointwise(rng: Generator, function: str) -> tuple[Pointwise, list[Array]]:
    """All 256 codes."""
    x = tensor(rng, (1, 256), 1e-3, 0.5)
    every = np.arange(-128, 128).astype(np.int8).reshape(1, 256)
    match function:
        case "sigmoid":
            return Pointwise("sigmoid", x, Codes(x.shape, 1 / 256, -128)), [every]
        case "gelu":
            return Pointwise("gelu", x, tensor(rng, x.shape, 1e-3, 0.2)), [every]
        case _:
            return Pointwise("hardswish", x, tensor(rng, x.shape, max(x.scale / 127.9, 1e-3), 0.3)), [every]


def requantize(rng: Generator) -> tuple[Requantize, list[Array]]:
    """Ratios of scales from 0.1 to 50."""
    x = tensor(rng, (1, 16, 16, 32), 1e-3)
    return Requantize(x, tensor(rng, x.shape, x.scale * 0.02, x.scale * 10)), [codes(rng, x.shape)]


def concat(rng: Generator) -> tuple[Concat, list[Array]]:
    """Two tensors of different scales; every third with ties."""
    shape, whole = (4, 1024), (4, 2048)
    if rng.integers(3) == 0:
        scales = [2.0**-6, 2.0**-5, 2.0**-4]
        a, b, y = (Codes(side, s, zero_point(rng)) for side, s in zip((shape, shape, whole), scales, strict=True))
    else:
        a, b = tensor(rng, shape), tensor(rng, shape)
        y = tensor(rng, whole, max(a.scale, b.scale) * 0.05, max(a.scale, b.scale) * 8)
    return Concat((a, b), y), [codes(rng, shape), codes(rng, shape)]
