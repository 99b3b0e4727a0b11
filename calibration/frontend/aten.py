"""ATen ops that compute -> nodes of a GraphDraft, a function an op (or family that means the same).

Only the forms that a function checks for are taken; every other form of the op is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch.fx import Node as FxNode

from bittrue.calibration.frontend.aten_arithmetic import ARITHMETIC, add_constant, add_tensors
from bittrue.calibration.frontend.aten_layout import LAYOUT
from bittrue.calibration.frontend.translator import Translation, Translator
from bittrue.calibration.graph import Attribute


def _conv2d(t: Translator, node: FxNode, args: list[Any]) -> str:
    """Without bias a zero bias: every convolution of a FloatGraph has one."""
    x, weight, bias, stride, padding, dilation, groups = args
    if isinstance(padding, str) or tuple(dilation) not in ((1, 1), (1,)):
        t.refuse(node, "convolution with dilation or named padding")
    return t.emit(
        node,
        "conv2d",
        [x],
        {"stride": _pair(stride), "padding": _pair(padding), "groups": groups},
        weight=weight,
        bias=bias if bias is not None else np.zeros(weight.shape[0]),
    )


def _linear(t: Translator, node: FxNode, args: list[Any]) -> str:
    """Without bias a zero bias."""
    x, weight, bias = args
    return t.emit(node, "linear", [x], weight=weight, bias=bias if bias is not None else np.zeros(weight.shape[0]))


def _batch_norm(t: Translator, node: FxNode, args: list[Any]) -> str:
    """scale * x + offset, a channel of axis 1."""
    x, gamma, beta, mean, variance, training, _, epsilon, _ = args
    if training:
        t.refuse(node, "batch norm in training mode")
    ones = np.ones_like(mean)
    scale = (ones if gamma is None else gamma) / np.sqrt(variance + epsilon)
    offset = (0 * ones if beta is None else beta) - mean * scale
    return t.emit(node, "affine", [x], {"axis": 1}, scale=scale, offset=offset)


def _layer_norm(t: Translator, node: FxNode, args: list[Any]) -> str:
    """Over the last axis only; gamma and beta default to 1 and 0."""
    x, shape, gamma, beta, epsilon, _ = args
    if len(shape) != 1:
        t.refuse(node, "layer norm over more than the last axis")
    one = np.ones(shape[0])
    return t.emit(
        node,
        "layer_norm",
        [x],
        {"epsilon": epsilon},
        gamma=one if gamma is None else gamma,
        beta=0 * one if beta is None else beta,
    )


def _group_norm(t: Translator, node: FxNode, args: list[Any]) -> str:
    """gamma and beta default to 1 and 0."""
    x, groups, gamma, beta, epsilon, _ = args
    one = np.ones(node.meta["val"].shape[1])
    return t.emit(
        node,
        "group_norm",
        [x],
        {"groups": groups, "epsilon": epsilon},
        gamma=one if gamma is None else gamma,
        beta=0 * one if beta is None else beta,
    )


def _softmax(t: Translator, node: FxNode, args: list[Any]) -> str:
    """Over the last axis only."""
    if args[1] not in (-1, node.meta["val"].ndim - 1):
        t.refuse(node, "softmax over another axis than the last")
    return t.emit(node, "softmax", [args[0]])


def _matmul(t: Translator, node: FxNode, args: list[Any]) -> str:
    """Two activations, or one and a matrix of weights."""
    x, weight = args[:2]
    if isinstance(x, str) and isinstance(weight, np.ndarray) and weight.ndim == 2:
        return t.emit(node, "linear", [x], weight=weight.T.copy(), bias=np.zeros(weight.shape[1]))
    return t.emit(node, "matmul", args[:2], {"transpose_b": False, "scale": 1.0})


def _scaled_dot_product_attention(t: Translator, node: FxNode, args: list[Any]) -> str:
    """softmax(scale * q k^T + mask) v, as nodes of their own; a mask is added, so it holds numbers."""
    q, k, v, mask, dropout, causal, scale, *_ = args
    if dropout or causal or (isinstance(mask, np.ndarray) and mask.dtype.kind != "f"):
        t.refuse(node, "attention with dropout, causal order or a mask of truth values")
    shape = tuple(node.meta["val"].shape)
    keys = t.draft.node(k).shape[-2]
    scale = 1.0 / math.sqrt(t.draft.node(q).shape[-1]) if scale is None else float(scale)
    scores = t.emit(
        node, "matmul", [q, k], {"transpose_b": True, "scale": scale}, suffix="scores", shape=(*shape[:-1], keys)
    )
    if isinstance(mask, str):
        scores = add_tensors(t, node, scores, mask, suffix="masked")
    elif mask is not None:
        scores = add_constant(t, node, scores, mask, suffix="masked")
    softmax = t.emit(node, "softmax", [scores], suffix="softmax", shape=(*shape[:-1], keys))
    return t.emit(node, "matmul", [softmax, v], {"transpose_b": False, "scale": 1.0}, suffix="context")


def _sum(t: Translator, node: FxNode, args: list[Any]) -> str:
    """Of the last axis, kept: half of a weighted sum."""
    x, axes, keep = args[:3]
    last = len(t.draft.node(x).shape) - 1
    if not keep or [axis % (last + 1) for axis in axes] != [last]:
        t.refuse(node, "a sum that does not keep and reduce exactly the last axis")
    return t.emit(node, "sum", [x])


def _adaptive_avg_pool2d(t: Translator, node: FxNode, args: list[Any]) -> str:
    """To one pixel only."""
    if [*args[1]] not in ([1, 1], [1]):
        t.refuse(node, "average pooling to more than one pixel")
    return t.emit(node, "mean", [args[0]])


def _avg_pool2d(t: Translator, node: FxNode, args: list[Any]) -> str:
    """Windows at the border count the zeros around the image, or do not."""
    x, kernel, stride, padding, ceil_mode, count_include_pad, divisor = args
    if ceil_mode or divisor is not None:
        t.refuse(node, "average pooling with ceil_mode or a divisor of its own")
    attributes: dict[str, Attribute] = {
        "kernel": _pair(kernel),
        "stride": _pair(stride or kernel),
        "padding": _pair(padding),
        "count_include_pad": count_include_pad or not any(padding),
    }
    return t.emit(node, "avg_pool2d", [x], attributes)


def _mean(t: Translator, node: FxNode, args: list[Any]) -> str:
    """Over any axes but the first: of an image as it lies; else (tokens) brought into an image of one column."""
    x, axes, keep = args[:3]
    shape = t.draft.node(x).shape
    rank = len(shape)
    reduced = sorted(axis % rank for axis in axes or range(rank))
    if 0 in reduced or shape[0] != 1:
        t.refuse(node, "a mean over the first axis")
    if rank != 4 or reduced != [2, 3]:
        order = [axis for axis in range(rank) if axis not in reduced] + reduced
        if order != list(range(rank)):
            moved = tuple(shape[axis] for axis in order)
            x = t.emit(node, "permute", [x], {"axes": tuple(order)}, suffix="permute", shape=moved)
        count = math.prod(shape[axis] for axis in reduced)
        shape = (1, math.prod(shape) // count, count, 1)
        x = t.emit(node, "reshape", [x], suffix="reshape", shape=shape)
    pooled = t.emit(node, "mean", [x], suffix="mean", shape=(*shape[:2], 1, 1))
    return pooled if keep and rank == 4 and reduced == [2, 3] else t.emit(node, "reshape", [pooled])


def _gelu(t: Translator, node: FxNode, args: list[Any]) -> str:
    """By the error function; the tanh form is another function."""
    source, approximate = args
    if approximate != "none":
        t.refuse(node, "GELU by an approximation")
    return t.emit(node, "function", [source], {"function": "gelu"})


def _hardtanh(t: Translator, node: FxNode, args: list[Any]) -> str:
    """ReLU6 arrives as a clamp from 0 to 6."""
    source, low, high = args
    if (low, high) != (0, 6):
        t.refuse(node, "a clamp to other ends than 0 and 6")
    return t.emit(node, "function", [source], {"function": "relu6"})


def _cat(t: Translator, node: FxNode, args: list[Any]) -> str:
    """Along any axis."""
    return t.emit(node, "concat", args[0], {"axis": args[1] % node.meta["val"].ndim})


def _pair(values: Sequence[int]) -> tuple[int, int]:
    """(y, x) of what ATen gives as one or two integers."""
    return int(values[0]), int(values[-1])


ATEN: dict[str, Translation] = {
    "adaptive_avg_pool2d": _adaptive_avg_pool2d,
    "avg_pool2d": _avg_pool2d,
    "batch_norm": _batch_norm,
    "bmm": _matmul,
    "cat": _cat,
    "conv2d": _conv2d,
    "gelu": _gelu,
    "group_norm": _group_norm,
    "hardtanh": _hardtanh,
    "hardtanh_": _hardtanh,
    "layer_norm": _layer_norm,
    "linear": _linear,
    "matmul": _matmul,
    "mean": _mean,
    "scaled_dot_product_attention": _scaled_dot_product_attention,
    "softmax": _softmax,
    "sum": _sum,
    **ARITHMETIC,
    **LAYOUT,
}
"""By ATen op name, overloads together."""
