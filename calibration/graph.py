"""FloatGraph: the exported float model, folded and named. NumPy only; made by `frontend`, run by
`float_run`, quantized into a QuantPlan and lowered by `lowering`.

Node kinds and their attributes (shapes are those of one image):

    normalize     mean, std                          u8 image -> (u8 / 255 - mean) / std, per channel
    conv2d        stride, padding, groups            parameters weight [O, I/groups, kh, kw], bias [O]
    linear                                           parameters weight [O, I], bias [O]
    matmul        transpose_b, scale                 scale * (a @ b), or scale * (a @ b^T)
    weighted_sum                                     sum over the last axis of a * b, kept as an axis of 1
    softmax                                          over the last axis
    layer_norm    epsilon                            over the last axis; parameters gamma, beta [C]
    group_norm    groups, epsilon                    parameters gamma, beta [C]
    function      function                           elementwise, a name of FUNCTIONS in lowering/tables.py
    add, sub, mul                                    elementwise; mul may repeat axes of size 1 of b
    constant                                         no inputs; parameter values, of the node's shape
    mean                                             over the last two axes, kept as axes of 1
    avg_pool2d    kernel, stride, padding,           zeros around the image; whether they count
                  count_include_pad
    concat        axis
    reshape shape / permute axes / slice axis start stop      layout only
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.layout import LAYOUT_OPS, LayoutOp
from bittrue.spec.ops.permute import Permute
from bittrue.spec.ops.reshape import Reshape
from bittrue.spec.ops.slice import Slice

Attribute = int | float | bool | str | tuple[int, ...] | tuple[float, ...]

KINDS = (
    "normalize", "conv2d", "linear", "matmul", "weighted_sum", "softmax", "layer_norm", "group_norm",
    "function", "add", "sub", "mul", "mean", "avg_pool2d", "concat", "constant", *LAYOUT_OPS,
)  # fmt: skip


@dataclass(frozen=True)
class Node:
    """One float operation; its output tensor bears its name."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    """Of the output, for one image."""
    origin: str
    """torch module path of the last operation that was folded into this node."""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    @property
    def is_layout(self) -> bool:
        """Whether the node only moves values."""
        return self.kind in LAYOUT_OPS

    def integer(self, key: str) -> int:
        """An attribute that is one integer."""
        value = self.attributes[key]
        assert isinstance(value, int), f"{self.name}.{key}"
        return value

    def real(self, key: str) -> float:
        """An attribute that is one number."""
        value = self.attributes[key]
        assert isinstance(value, (int, float)), f"{self.name}.{key}"
        return float(value)

    def text(self, key: str) -> str:
        """An attribute that is a name."""
        return str(self.attributes[key])

    def integers(self, key: str) -> tuple[int, ...]:
        """An attribute that is several integers."""
        value = self.attributes[key]
        assert isinstance(value, tuple), f"{self.name}.{key}"
        return tuple(int(item) for item in value)

    def reals(self, key: str) -> tuple[float, ...]:
        """An attribute that is several numbers."""
        value = self.attributes[key]
        assert isinstance(value, tuple), f"{self.name}.{key}"
        return tuple(float(item) for item in value)

    @property
    def layout_op(self) -> LayoutOp:
        """The contract of a layout node."""
        if self.kind == "reshape":
            return Reshape(shape=self.shape)
        if self.kind == "permute":
            return Permute(axes=self.integers("axes"))
        return Slice(self.integer("axis"), self.integer("start"), self.integer("stop"))


@dataclass(frozen=True)
class FloatGraph:
    """Nodes in order of execution and their float32 parameters."""

    model: str
    input: str
    """Name of the u8 image, the one tensor that no node produces."""
    input_shape: tuple[int, ...]
    nodes: tuple[Node, ...]
    parameters: Mapping[str, NDArray[np.float32]]
    """Keyed "NODE/ROLE"."""

    @property
    def output(self) -> str:
        """Name of the logits."""
        return self.nodes[-1].name

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """Nodes by name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def consumers(self) -> dict[str, tuple[Node, ...]]:
        """The nodes that read each tensor."""
        found: dict[str, list[Node]] = {self.input: [], **{node.name: [] for node in self.nodes}}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found[name].append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    def parameter(self, node: Node, role: str) -> NDArray[np.float32]:
        """One parameter of a node."""
        return self.parameters[f"{node.name}/{role}"]

    def shape_of(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return self.input_shape if name == self.input else self.by_name[name].shape

    def readers(self, name: str) -> tuple[Node, ...]:
        """The nodes that compute with a tensor, seen through layout nodes."""
        found: list[Node] = []
        for node in self.consumers[name]:
            found.extend(self.readers(node.name) if node.is_layout else (node,))
        return tuple(found)

    def source(self, name: str) -> str:
        """The tensor whose values a tensor holds, seen through layout nodes."""
        while name != self.input and self.by_name[name].is_layout:
            name = self.by_name[name].inputs[0]
        return name
