"""ATen ops of an exported program -> nodes of a GraphDraft.

One method an op (or a family that means the same); what stands in no table is refused by name.
Only the forms that the methods check for are taken: everything else about an op is refused as well.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
import torch
from torch.export import ExportedProgram
from torch.fx import Node as FxNode

from bittrue.calibration.frontend.draft import GraphDraft, unique
from bittrue.calibration.graph import Attribute, Node
from bittrue.spec.errors import Unsupported

FUNCTIONS = {
    "silu": "silu", "silu_": "silu", "relu": "relu", "relu_": "relu", "sigmoid": "sigmoid", "sigmoid_": "sigmoid",
    "hardswish": "hardswish", "hardswish_": "hardswish", "hardsigmoid": "hardsigmoid", "hardsigmoid_": "hardsigmoid",
}  # fmt: skip
"""ATen elementwise ops and the function that their table holds."""

ALIASES = ("dropout", "dropout_", "contiguous", "clone", "expand_as", "expand", "alias", "detach", "lift_fresh_copy")
"""Ops whose output is their input: dropout in eval mode, copies, and broadcasts that `mul` does itself."""


class Translator:
    """Walks an exported program once and fills the draft."""

    def __init__(self, draft: GraphDraft, exported: ExportedProgram, input_name: str) -> None:
        self.draft = draft
        self.graph = exported.graph_module.graph
        self.values: dict[str, Any] = {}
        """fx node name -> tensor name, or parameter array, or list of tensor names."""
        signature = exported.graph_signature
        state = {**dict(exported.named_parameters()), **dict(exported.named_buffers()), **exported.constants}
        held = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        for node in self.graph.nodes:
            if node.op == "placeholder":
                self.values[node.name] = (
                    state[held[node.name]].detach().to(torch.float64).cpu().numpy() if node.name in held else input_name
                )
        self.users_in_module: dict[str, int] = {}
        for node in self.graph.nodes:
            if node.op == "call_function":
                path = module_path(node)
                self.users_in_module[path] = self.users_in_module.get(path, 0) + 1

    def run(self) -> str:
        """Translate every node and return the name of the output tensor."""
        for node in self.graph.nodes:
            if node.op == "call_function":
                self.values[node.name] = self.translate(node)
            elif node.op == "output":
                (result,) = node.args[0]
                return str(self.values[result.name])
        raise Unsupported("the exported module returns nothing")

    def translate(self, node: FxNode) -> Any:
        """The value of one fx node; new nodes are added to the draft."""
        if node.target is operator.getitem:
            whole, index = node.args
            return self.value(whole)[index]
        op = str(node.target).removeprefix("aten.").split(".")[0]
        if op in ALIASES:
            if op.startswith("dropout") and node.args[2]:
                self.refuse(node, "dropout in training mode")
            return self.value(node.args[0])
        if op in FUNCTIONS:
            return self.emit(node, "function", [node.args[0]], {"function": FUNCTIONS[op]})
        method: Callable[[FxNode, list[Any]], Any] | None = getattr(self, f"op_{op}", None)
        if method is None or not str(node.target).startswith("aten."):
            self.refuse(node, "an op that bittrue does not lower")
        return method(node, self.arguments(node))

    def arguments(self, node: FxNode) -> list[Any]:
        """All arguments in schema order with defaults filled in, fx nodes replaced by their values."""
        schema = node.target._schema.arguments  # type: ignore[union-attr]
        given = dict(zip((argument.name for argument in schema), node.args, strict=False)) | dict(node.kwargs)
        return [self.value(given.get(a.name, a.default_value if a.has_default_value() else None)) for a in schema]

    def value(self, argument: Any) -> Any:
        """The tensor name, parameter or plain value behind an argument."""
        if isinstance(argument, FxNode):
            return self.values[argument.name]
        if isinstance(argument, (list, tuple)):
            return [self.value(item) for item in argument]
        return argument

    def refuse(self, node: FxNode, why: str) -> NoReturn:
        """Raise Unsupported for a node, with the list of what is supported."""
        known = sorted(
            {name.removeprefix("op_") for name in dir(self) if name.startswith("op_")} | set(FUNCTIONS) | set(ALIASES)
        )
        raise Unsupported(
            f"{node.target}: {why}",
            where=f"module {module_path(node) or '(root)'}",
            got=f"arguments {node.args} {node.kwargs}"[:300],
            expected="one of: " + ", ".join(known),
            next_step="replace the op in the model, or add it (docs/adding_an_op.md)",
        )

    def emit(
        self,
        node: FxNode,
        kind: str,
        inputs: Sequence[Any],
        attributes: dict[str, Attribute] | None = None,
        *,
        suffix: str = "",
        shape: tuple[int, ...] | None = None,
        **parameters: np.ndarray,
    ) -> str:
        """Add a draft node. Its name is the module's path where the module does nothing else."""
        path = module_path(node)
        alone = self.users_in_module.get(path) == 1 and not suffix
        op = str(node.target).removeprefix("aten.").split(".")[0].rstrip("_")
        base = path if alone and path else ".".join(part for part in (path, suffix or op) if part)
        name = unique(base, {self.draft.input} | {known.name for known in self.draft.nodes})
        names = tuple(self.value(item) for item in inputs)
        result = tuple(shape if shape is not None else node.meta["val"].shape)
        return self.draft.add(Node(name, kind, names, result, path, attributes or {}), **parameters)

    def op_conv2d(self, node: FxNode, args: list[Any]) -> str:
        x, weight, bias, stride, padding, dilation, groups = args
        if isinstance(padding, str) or tuple(dilation) not in ((1, 1), (1,)):
            self.refuse(node, "convolution with dilation or named padding")
        return self.emit(
            node,
            "conv2d",
            [x],
            {"stride": _pair(stride), "padding": _pair(padding), "groups": groups},
            weight=weight,
            bias=bias if bias is not None else np.zeros(weight.shape[0]),
        )

    def op_linear(self, node: FxNode, args: list[Any]) -> str:
        x, weight, bias = args
        return self.emit(
            node, "linear", [x], weight=weight, bias=bias if bias is not None else np.zeros(weight.shape[0])
        )

    def op_batch_norm(self, node: FxNode, args: list[Any]) -> str:
        x, gamma, beta, mean, variance, training, _, epsilon, _ = args
        if training:
            self.refuse(node, "batch norm in training mode")
        ones = np.ones_like(mean)
        scale = (ones if gamma is None else gamma) / np.sqrt(variance + epsilon)
        return self.emit(
            node, "batch_norm", [x], scale=scale, offset=(0 * ones if beta is None else beta) - mean * scale
        )

    def op_layer_norm(self, node: FxNode, args: list[Any]) -> str:
        x, shape, gamma, beta, epsilon, _ = args
        if len(shape) != 1:
            self.refuse(node, "layer norm over more than the last axis")
        one = np.ones(shape[0])
        return self.emit(
            node,
            "layer_norm",
            [x],
            {"epsilon": epsilon},
            gamma=one if gamma is None else gamma,
            beta=0 * one if beta is None else beta,
        )

    def op_group_norm(self, node: FxNode, args: list[Any]) -> str:
        x, groups, gamma, beta, epsilon, _ = args
        one = np.ones(node.meta["val"].shape[1])
        return self.emit(
            node,
            "group_norm",
            [x],
            {"groups": groups, "epsilon": epsilon},
            gamma=one if gamma is None else gamma,
            beta=0 * one if beta is None else beta,
        )

    def op_softmax(self, node: FxNode, args: list[Any]) -> str:
        if args[1] not in (-1, node.meta["val"].ndim - 1):
            self.refuse(node, "softmax over another axis than the last")
        return self.emit(node, "softmax", [args[0]])

    def op_matmul(self, node: FxNode, args: list[Any]) -> str:
        return self.emit(node, "matmul", args[:2], {"transpose_b": False, "scale": 1.0})

    op_bmm = op_matmul

    def op_scaled_dot_product_attention(self, node: FxNode, args: list[Any]) -> str:
        """softmax(scale * q k^T) v, as three nodes."""
        q, k, v, mask, dropout, causal, scale, *_ = args
        if mask is not None or dropout or causal:
            self.refuse(node, "attention with a mask, dropout or causal order")
        shape = tuple(node.meta["val"].shape)
        keys = self.draft.node(k).shape[-2]
        scale = 1.0 / math.sqrt(self.draft.node(q).shape[-1]) if scale is None else float(scale)
        scores = self.emit(
            node, "matmul", [q, k], {"transpose_b": True, "scale": scale}, suffix="scores", shape=(*shape[:-1], keys)
        )
        softmax = self.emit(node, "softmax", [scores], suffix="softmax", shape=(*shape[:-1], keys))
        return self.emit(node, "matmul", [softmax, v], {"transpose_b": False, "scale": 1.0}, suffix="context")

    def op_add(self, node: FxNode, args: list[Any]) -> str:
        a, b, alpha = args
        shapes = {self.draft.node(x).shape for x in (a, b) if isinstance(x, str)}
        if alpha != 1 or not (isinstance(a, str) and isinstance(b, str)) or len(shapes) != 1:
            self.refuse(node, "an addition that is not of two activations of one shape")
        return self.emit(node, "add", [a, b])

    op_add_ = op_add

    def op_mul(self, node: FxNode, args: list[Any]) -> str:
        a, b = args[:2]
        for x, factor in ((a, b), (b, a)):
            if isinstance(factor, (int, float)) and isinstance(x, str):
                return self.emit(node, "scale", [x], {"factor": float(factor)})
        if not (isinstance(a, str) and isinstance(b, str)):
            self.refuse(node, "a product with a constant tensor")
        # Broadcasting is b's: put the larger tensor first.
        if self.draft.node(a).shape != tuple(node.meta["val"].shape):
            a, b = b, a
        if self.draft.node(a).shape != tuple(node.meta["val"].shape):
            self.refuse(node, "a product in which both sides repeat")
        return self.emit(node, "mul", [a, b])

    op_mul_ = op_mul

    def op_div(self, node: FxNode, args: list[Any]) -> str:
        if not isinstance(args[1], (int, float)):
            self.refuse(node, "a division by a tensor")
        return self.emit(node, "scale", [args[0]], {"factor": 1.0 / float(args[1])})

    def op_sum(self, node: FxNode, args: list[Any]) -> str:
        x, axes, keep = args[:3]
        last = len(self.draft.node(x).shape) - 1
        if not keep or [axis % (last + 1) for axis in axes] != [last]:
            self.refuse(node, "a sum that does not keep and reduce exactly the last axis")
        return self.emit(node, "sum", [x])

    def op_adaptive_avg_pool2d(self, node: FxNode, args: list[Any]) -> str:
        if [*args[1]] not in ([1, 1], [1]):
            self.refuse(node, "average pooling to more than one pixel")
        return self.emit(node, "mean", [args[0]])

    def op_avg_pool2d(self, node: FxNode, args: list[Any]) -> str:
        x, kernel, stride, padding, ceil_mode, count_include_pad, divisor = args
        if ceil_mode or divisor is not None or (any(padding) and not count_include_pad):
            self.refuse(node, "average pooling with ceil_mode, a divisor of its own, or windows cut at the border")
        attributes: dict[str, Attribute] = {
            "kernel": _pair(kernel),
            "stride": _pair(stride or kernel),
            "padding": _pair(padding),
        }
        return self.emit(node, "avg_pool2d", [x], attributes)

    def op_mean(self, node: FxNode, args: list[Any]) -> str:
        x, axes, keep = args[:3]
        shape = self.draft.node(x).shape
        if len(shape) != 4 or sorted(axis % 4 for axis in axes or ()) != [2, 3]:
            self.refuse(node, "a mean over other axes than the last two of an image")
        pooled = self.emit(node, "mean", [x], suffix="mean", shape=(*shape[:2], 1, 1))
        return pooled if keep else self.emit(node, "reshape", [pooled])

    def op_cat(self, node: FxNode, args: list[Any]) -> str:
        return self.emit(node, "concat", args[0], {"axis": args[1] % node.meta["val"].ndim})

    def op_reshape(self, node: FxNode, args: list[Any]) -> str:
        return self.emit(node, "reshape", [args[0]])

    op_view = op_flatten = op_squeeze = op_unsqueeze = op_unflatten = op__unsafe_view = op_reshape

    def op_permute(self, node: FxNode, args: list[Any]) -> str:
        rank = node.meta["val"].ndim
        return self.emit(node, "permute", [args[0]], {"axes": tuple(axis % rank for axis in args[1])})

    def op_transpose(self, node: FxNode, args: list[Any]) -> str:
        rank = node.meta["val"].ndim
        axes = list(range(rank))
        a, b = args[1] % rank, args[2] % rank
        axes[a], axes[b] = b, a
        return self.emit(node, "permute", [args[0]], {"axes": tuple(axes)})

    def op_unbind(self, node: FxNode, args: list[Any]) -> list[str]:
        shape = self.draft.node(args[0]).shape
        axis = args[1] % len(shape)
        rest = (*shape[:axis], *shape[axis + 1 :])
        parts = self.slices(node, args[0], axis, [1] * shape[axis])
        return [self.emit(node, "reshape", [part], suffix="unbind", shape=rest) for part in parts]

    def op_split_with_sizes(self, node: FxNode, args: list[Any]) -> list[str]:
        return self.slices(node, args[0], args[2] % len(self.draft.node(args[0]).shape), args[1])

    def op_split(self, node: FxNode, args: list[Any]) -> list[str]:
        shape = self.draft.node(args[0]).shape
        axis, size = args[2] % len(shape), args[1]
        return self.slices(
            node, args[0], axis, [min(size, shape[axis] - start) for start in range(0, shape[axis], size)]
        )

    def op_chunk(self, node: FxNode, args: list[Any]) -> list[str]:
        size = -(-self.draft.node(args[0]).shape[args[2]] // args[1])
        return self.op_split(node, [args[0], size, args[2]])

    def slices(self, node: FxNode, x: str, axis: int, sizes: Sequence[int]) -> list[str]:
        """Consecutive parts of one axis."""
        shape, start, parts = self.draft.node(x).shape, 0, []
        for size in sizes:
            part = (*shape[:axis], size, *shape[axis + 1 :])
            attributes: dict[str, Attribute] = {"axis": axis, "start": start, "stop": start + size}
            parts.append(self.emit(node, "slice", [x], attributes, suffix="slice", shape=part))
            start += size
        return parts


def _pair(values: Sequence[int]) -> tuple[int, int]:
    """(y, x) of what ATen gives as one or two integers."""
    return int(values[0]), int(values[-1])


def module_path(node: FxNode) -> str:
    """Dotted path of the module that ran the node, as torch names it; "" for the root."""
    stack = node.meta.get("nn_module_stack") or {}
    return list(stack.values())[-1][0].removeprefix("L['self'].") if stack else ""
