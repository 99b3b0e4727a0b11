"""How each runtime turns float32 scales into the integers that its kernels multiply with.

An independent statement, measured with each runtime's own outputs; not bittrue's lowering. `double` and `single`
name the precision in which a runtime computes a ratio: `/` and `*` on them are IEEE operations of that width.
Every method returns arrays by the names of the unit's ports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from peers.layers import Activation, Array, Codes

Ports = dict[str, Array]
single = np.float32
INT8 = (-128, 127)


def double(scale: float) -> float:
    """A float32 scale as a double."""
    return float(single(scale))


def half_away(value: float) -> int:
    """C's round."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def quantized_multiplier(real: float) -> tuple[int, int]:
    """TFLite's QuantizeMultiplier: real ~ m * 2**-s, m in 2**30..2**31-1 rounded half up, s = 31 - TFLite's shift."""
    fraction, exponent = math.frexp(real)
    multiplier = (int(fraction * 2**53) + (1 << 21)) >> 22
    if multiplier == 1 << 31:
        multiplier, exponent = 1 << 30, exponent + 1
    return (0, 31) if exponent < -31 else (multiplier, 31 - exponent)


def pairs(ratios: list[float]) -> Ports:
    """Multiplier and shift of each ratio."""
    found = [quantized_multiplier(ratio) for ratio in ratios]
    return {"multiplier": np.array([pair[0] for pair in found]), "shift": np.array([pair[1] for pair in found])}


class Constants(Protocol):
    """What a runtime computes from scales when it prepares an operator."""

    def weighted(self, x: float, weights: tuple[float, ...], y: float) -> Ports:
        """Of conv2d and fully connected: one entry a channel."""

    def matmul(self, a: float, b: float, y: float) -> Ports:
        """Of a product of two activations, summed."""

    def mul(self, a: float, b: float, y: float) -> Ports:
        """Of an elementwise product."""

    def add(self, a: float, b: float, y: float) -> Ports:
        """Of an elementwise sum."""

    def mean(self, x: float, y: float, count: int) -> Ports:
        """Of a mean of `count` codes."""

    def rescale(self, x: float, y: float) -> Ports:
        """From one scale to another."""

    def limits(self, activation: Activation, y: Codes) -> tuple[int, int]:
        """Lowest and highest output code."""


@dataclass(frozen=True)
class Gemmlowp:
    """TFLite's reference kernels in LiteRT, and in TFLite Micro, which differs in the ratio of mul alone.

    The conversion from TFLite to TOSA makes the same constants; with single rounding its add lifts the multipliers.
    """

    mul_in_double: bool = False
    lifted_multipliers: bool = False

    def weighted(self, x: float, weights: tuple[float, ...], y: float) -> Ports:
        """In double."""
        return pairs([double(x) * double(weight) / double(y) for weight in weights])

    def matmul(self, a: float, b: float, y: float) -> Ports:
        """The product of the scales in float32, the ratio in double."""
        return pairs([float(single(a) * single(b)) / double(y)])

    def mul(self, a: float, b: float, y: float) -> Ports:
        """LiteRT: in float32; TFLite Micro: in double."""
        if self.mul_in_double:
            return pairs([double(a) * double(b) / double(y)])
        return pairs([float(single(a) * single(b) / single(y))])

    def add(self, a: float, b: float, y: float) -> Ports:
        """Both inputs against twice the larger scale, 20 bits to the left."""
        twice, lift = 2 * max(double(a), double(b)), 1 << 20 if self.lifted_multipliers else 1
        found: Ports = {"left_shift": np.array(0 if self.lifted_multipliers else 20)}
        for name, ratio in (
            ("_a", double(a) / twice * lift),
            ("_b", double(b) / twice * lift),
            ("", twice / ((1 << 20) * double(y))),
        ):
            multiplier, shift = quantized_multiplier(ratio)
            found |= {f"multiplier{name}": np.array(multiplier), f"shift{name}": np.array(shift)}
        return found

    def mean(self, x: float, y: float, count: int) -> Ports:
        """The count divides the multiplier, truncated."""
        multiplier, shift = quantized_multiplier(double(x) / double(y))
        lift = min(count.bit_length() - 1, 32, 62 - shift)
        return {"multiplier": np.array((multiplier << lift) // count), "shift": np.array(shift + lift)}

    def rescale(self, x: float, y: float) -> Ports:
        """In double."""
        return pairs([double(x) / double(y)])

    def limits(self, activation: Activation, y: Codes) -> tuple[int, int]:
        """6 / scale half away, then the zero point."""
        low, high = INT8
        if activation != "none":
            low = max(low, y.zero_point)
        if activation == "relu6":
            high = min(high, y.zero_point + half_away(float(single(6) / single(y.scale))))
        return low, high


@dataclass(frozen=True)
class Float32:
    """XNNPACK, and ONNX Runtime (MLAS) for what they share: float32 scales."""

    def weighted(self, x: float, weights: tuple[float, ...], y: float) -> Ports:
        """Product, then quotient."""
        return {"multiplier": (single(x) * np.array(weights, single) / single(y)).astype(single)}

    def matmul(self, a: float, b: float, y: float) -> Ports:
        """The same."""
        return self.weighted(a, (b,), y)

    def mul(self, a: float, b: float, y: float) -> Ports:
        """The same."""
        return self.weighted(a, (b,), y)

    def add(self, a: float, b: float, y: float) -> Ports:
        """XNNPACK: both multipliers on one shift, the larger of 21 bits."""
        ratios = single(a) / single(y), single(b) / single(y)
        shift = 21 - math.frexp(float(max(ratios)))[1]
        multipliers = [np.array(int(np.rint(float(ratio) * 2.0**shift))) for ratio in ratios]
        return {"multiplier_a": multipliers[0], "multiplier_b": multipliers[1], "shift": np.array(shift)}

    def mean(self, x: float, y: float, count: int) -> Ports:
        """XNNPACK: the ratio times 1/n."""
        return {"scale": np.array([single(x) / single(y) * (single(1) / single(count))], single)}

    def rescale(self, x: float, y: float) -> Ports:
        """XNNPACK: 8 fraction bits, half even."""
        ratio = single(x) / single(y) * single(256)
        return {"multiplier": np.array(int(np.rint(ratio))), "shift": np.array(8)}

    def limits(self, activation: Activation, y: Codes) -> tuple[int, int]:
        """6 / scale plus the zero point, half even."""
        low, high = INT8
        if activation != "none":
            low = max(low, y.zero_point)
        if activation == "relu6":
            high = min(high, int(np.rint(single(6) / single(y.scale) + single(y.zero_point))))
        return low, high


@dataclass(frozen=True)
class OnnxRuntime(Float32):
    """Where ONNX Runtime differs from XNNPACK."""

    def add(self, a: float, b: float, y: float) -> Ports:
        """QLinearAdd: the two ratios."""
        return {"ratio_a": np.array(single(a) / single(y)), "ratio_b": np.array(single(b) / single(y))}

    def mean(self, x: float, y: float, count: int) -> Ports:
        """QLinearGlobalAveragePool: the count times the output's scale divides."""
        return {"multiplier": np.array([single(x) / (single(y) * single(count))], single)}
