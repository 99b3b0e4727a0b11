"""The layers that cost models are compared on: the distinct shapes of the six MobileViTs, as data.

`mobilevit_layers.csv` stands beside this file, a line a distinct layer. Its columns are the fields of Layer;
`times` says how often the six networks together have it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, get_args

import numpy as np

from bittrue.spec.op import Gemm

Kind = Literal[
    "conv2d",
    "depthwise",
    "fully_connected",
    "matmul",
    "softmax",
    "add",
    "mul",
    "logistic",
    "relu",
    "avg_pool2d",
    "mean",
]


@dataclass(frozen=True)
class Layer:
    """One layer of one image; a shape that a kind does not use is 1.

    Rows of a matrix lie along `height` x `width`; a matmul is `batch` products of [width, in_channels] by
    [in_channels, out_channels].
    """

    kind: Kind
    batch: int
    height: int
    width: int
    """Of the input."""
    in_channels: int
    out_channels: int
    kernel: int
    stride: int
    times: int

    @property
    def name(self) -> str:
        """Short and unique, for tables."""
        size = f"{self.height}x{self.width}" if self.batch == 1 else f"{self.batch}x{self.height}x{self.width}"
        change = str(self.in_channels) if not self.reduces else f"{self.in_channels}->{self.out_channels}"
        taps = f" k{self.kernel}" if self.kernel > 1 else ""
        step = f" s{self.stride}" if self.stride > 1 else ""
        return f"{self.kind} {size} {change}{taps}{step}"

    @property
    def reduces(self) -> bool:
        """Whether input channels are summed."""
        return self.kind in ("conv2d", "fully_connected", "matmul")

    @property
    def out_height(self) -> int:
        """Rows of the output; "same" padding."""
        return -(-self.height // self.stride)

    @property
    def out_width(self) -> int:
        """Columns of the output."""
        return -(-self.width // self.stride)

    @property
    def out_elements(self) -> int:
        """Elements of the output."""
        if self.kind == "mean":
            return self.out_channels
        return self.batch * self.out_height * self.out_width * self.out_channels

    @property
    def gemm(self) -> Gemm | None:
        """The layer as matrix products, None where it has none."""
        pixels = self.out_height * self.out_width
        if self.kind == "depthwise":
            return Gemm(self.in_channels, pixels, 1, self.kernel**2)
        if not self.reduces:
            return None
        return Gemm(self.batch, pixels, self.out_channels, self.in_channels * self.kernel**2)


def layers(*kinds: Kind) -> tuple[Layer, ...]:
    """The stored layers of these kinds, of all where none is named."""
    return tuple(layer for layer in _stored() if not kinds or layer.kind in kinds)


def drawn_layers(count: int = 40, seed: int = 11) -> tuple[Layer, ...]:
    """Shapes of no network, drawn at random for holding out; their `times` is 0."""
    random = np.random.default_rng(seed)
    kinds: tuple[Kind, ...] = (
        "conv2d",
        "depthwise",
        "fully_connected",
        "add",
        "mul",
        "logistic",
        "softmax",
        "avg_pool2d",
    )
    drawn = []
    for index in range(count):
        kind = kinds[index % len(kinds)]
        height, width = (int(side) for side in random.integers(4, 80, 2))
        inputs, outputs = (8 * int(eighths) for eighths in random.integers(1, 40, 2))
        kernel, stride = int(random.choice([1, 3, 5])), int(random.choice([1, 2]))
        if kind == "softmax":
            drawn.append(Layer(kind, 1, 1, height * width, inputs, inputs, 1, 1, 0))
        elif kind == "fully_connected":
            drawn.append(Layer(kind, 1, 1, 4 * height, inputs, outputs, 1, 1, 0))
        elif kind == "conv2d":
            drawn.append(Layer(kind, 1, height, width, inputs, outputs, kernel, stride, 0))
        elif kind == "depthwise":
            drawn.append(Layer(kind, 1, height, width, inputs, inputs, max(kernel, 3), stride, 0))
        elif kind == "avg_pool2d":
            drawn.append(Layer(kind, 1, 2 * (height // 2), 2 * (width // 2), inputs, inputs, 2, 2, 0))
        else:
            drawn.append(Layer(kind, 1, height, width, inputs, inputs, 1, 1, 0))
    return tuple(drawn)


def _stored() -> Iterator[Layer]:
    text = files("bittrue.workflow.costs").joinpath("mobilevit_layers.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        name = row.pop("kind")
        kind = next(known for known in get_args(Kind) if known == name)
        yield Layer(kind, **{key: int(value) for key, value in row.items()})
