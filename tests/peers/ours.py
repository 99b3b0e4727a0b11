"""What bittrue's units say of a layer: the arrays of `bittrue unit`, with a runtime's constants.

A convolution is the `mac` unit on rows of windows followed by the `requantize` unit as the operator has it;
the other layers are one unit each. Nothing here rounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from peers import constants, nonlinear_constants
from peers.constants import Constants, Ports
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
    Layer,
    Mean,
    Pointwise,
    Requantize,
    Softmax,
    windows,
)
from peers.pool import average_pool
from peers.tables import concat_table, pointwise_table

from bittrue.golden.units.activation import KINDS as JUDGES
from bittrue.hw_configs.load import load_datapath
from bittrue.simulator.units.activation import KINDS as FAST
from bittrue.spec.datapath import Datapath
from bittrue.workflow.unit import unit

By = Literal["simulator", "reference"]


@dataclass(frozen=True)
class Profile:
    """A datapath, the constants of the runtime that it mirrors, and which of bittrue's statements speaks."""

    datapath: Datapath
    constants: Constants = field(default_factory=constants.Gemmlowp)
    by: By = "simulator"

    def run(self, name: str, arrays: Mapping[str, Array], op: str | None = None) -> Array:
        """One unit's output."""
        return unit(name, datapath=self.datapath, inputs=arrays, op=op, by=self.by)["output"]

    def placed(self, y: Codes, activation: Activation = "none") -> Ports:
        """Zero point and limits of an output."""
        low, high = self.constants.limits(activation, y)
        return {"zero_point": np.array(y.zero_point), "low": np.array(low), "high": np.array(high)}

    def layer(self, layer: Layer, codes: Sequence[Array]) -> Array:
        """The layer's output codes."""
        match layer:
            case Convolution(x=x, weights=weights, y=y, activation=activation):
                ratios = self.constants.weighted(x.scale, weights.scales, y.scale)
                return self._requantized("conv2d", self.convolution_sums(layer, codes[0]), ratios, y, activation)
            case FullyConnected(x=x, weights=weights, y=y, activation=activation):
                sums = self._mac(codes[0].reshape(-1, x.shape[-1]), weights.codes.T, x.zero_point, bias=weights.bias)
                ratios = self.constants.weighted(x.scale, weights.scales, y.scale)
                return self._requantized("linear", sums, ratios, y, activation)
            case BatchMatmul(a=a, b=b, y=y):
                sums = np.stack([self._mac(p, q, a.zero_point, b.zero_point) for p, q in zip(*codes, strict=True)])
                return self._requantized("matmul", sums, self.constants.matmul(a.scale, b.scale, y.scale), y)
            case Elementwise(a=a, b=b, y=y):
                make = self.constants.add if layer.kind == "add" else self.constants.mul
                operands = {"a": codes[0], "b": codes[1]}
                zeros = {"zero_point_a": np.array(a.zero_point), "zero_point_b": np.array(b.zero_point)}
                placed = self.placed(y, layer.activation)
                return self.run(layer.kind, {**operands, **zeros, **make(a.scale, b.scale, y.scale), **placed})
            case Mean():
                return self._mean(layer, codes[0])
            case AveragePool():
                return average_pool(
                    self.datapath, layer, codes[0], self.constants.limits(layer.activation, layer.y), self.by
                )
            case Softmax(x=x, beta=beta):
                rows = codes[0].reshape(-1, x.shape[-1])
                return self.run("softmax", {"logits": rows, **nonlinear_constants.softmax(x.scale, beta)}).reshape(
                    x.shape
                )
            case Pointwise(function="hardswish"):
                return self._hardswish(layer, codes[0])
            case Pointwise():
                return self.run("table", {"codes": codes[0], "table": pointwise_table(layer)})
            case Requantize(x=x, y=y):
                centred = codes[0].astype(np.int64) - x.zero_point
                ratio = self.constants.rescale(x.scale, y.scale)
                if self.datapath.requantizer("concat").kind == "float32":
                    ratio = {"multiplier": np.array(np.float32(x.scale) / np.float32(y.scale))}
                return self._requantized("concat", centred, ratio, y)
            case Concat(inputs=inputs, y=y):
                tables = [concat_table(x, y) for x in inputs]
                parts = [self.run("table", {"codes": q, "table": t}) for q, t in zip(codes, tables, strict=True)]
                return np.concatenate(parts, axis=-1)

    def _mac(self, rows: Array, columns: Array, zero_a: int, zero_b: int = 0, bias: Array | None = None) -> Array:
        zeros = {"activation_zero_point": np.array(zero_a), "weight_zero_point": np.array(zero_b)}
        given = {} if bias is None else {"bias": bias}
        return self.run("mac", {"activations": rows, "weights": columns, **zeros, **given})

    def _requantized(self, op: str, sums: Array, ratios: Ports, y: Codes, activation: Activation = "none") -> Array:
        return self.run("requantize", {"accumulator": sums, **ratios, **self.placed(y, activation)}, op)

    def matrix(
        self, rows: Array, columns: Array, multiplier: int, shift: int, *, op: str, bias: Array | None = None
    ) -> Array:
        """Rows times columns plus bias, requantized by one multiplier; no zero points."""
        scale = {"multiplier": np.array(multiplier), "shift": np.array(shift)}
        return self.run("requantize", {"accumulator": self._mac(rows, columns, 0, bias=bias), **scale}, op)

    def convolution_sums(self, layer: Convolution, codes: Array) -> Array:
        """The accumulators [n, h', w', channels]. Outside the image stands the zero point: it adds nothing."""
        zero, weights = layer.x.zero_point, layer.weights
        views = windows(codes, layer.kernel, layer.stride, same=layer.same, fill=zero)
        taps = views.shape[3] * views.shape[4]
        if layer.depthwise:
            channels = [
                self._mac(
                    views[..., channel].reshape(-1, taps),
                    weights.codes[0, :, :, channel].reshape(-1, 1),
                    zero,
                    bias=weights.bias[channel : channel + 1],
                )
                for channel in range(views.shape[-1])
            ]
            sums = np.concatenate(channels, axis=1)
        else:
            rows = views.reshape(-1, taps * views.shape[5])
            sums = self._mac(rows, weights.codes.reshape(len(weights.codes), -1).T, zero, bias=weights.bias)
        return sums.reshape(*views.shape[:3], -1)

    def _hardswish(self, layer: Pointwise, codes: Array) -> Array:
        """The activation unit itself: `bittrue unit` has none of this name."""
        unit, (low, high) = self.datapath.activation["hardswish"], self.constants.limits("none", layer.y)
        formats = {"input_zero_point": layer.x.zero_point, "output_zero_point": layer.y.zero_point}
        given = {name: np.array(value) for name, value in (formats | {"low": low, "high": high}).items()}
        arrays = {"codes": codes.astype(np.int64), **given, **nonlinear_constants.hardswish(layer.x, layer.y)}
        unit.check_alone("hardswish", arrays)
        if self.by == "simulator":
            return FAST[unit.kind](unit, arrays)["output"]
        judged = JUDGES[unit.kind](unit, {name: torch.from_numpy(array) for name, array in arrays.items()})
        return judged["output"].numpy()

    def _mean(self, layer: Mean, codes: Array) -> Array:
        axes = tuple(axis % codes.ndim for axis in layer.axes)
        kept = [axis for axis in range(codes.ndim) if axis not in axes]
        rows = codes.transpose(*kept, *axes).reshape(-1, int(np.prod([codes.shape[axis] for axis in axes])))
        ratios = self.constants.mean(layer.x.scale, layer.y.scale, rows.shape[1])
        zero = {"zero_point_x": np.array(layer.x.zero_point)}
        return self.run("mean", {"codes": rows, **zero, **ratios, **self.placed(layer.y)}).reshape(layer.y.shape)


def profile(name: str, made: Constants | None = None, by: By = "simulator") -> Profile:
    """A packaged datapath with a runtime's constants."""
    return Profile(load_datapath(name), made or constants.Gemmlowp(), by)
