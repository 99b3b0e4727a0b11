"""ATen ops that only move values -> layout nodes of a GraphDraft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch.fx import Node as FxNode

from bittrue.calibration.frontend.translator import Translation, Translator
from bittrue.calibration.graph import Attribute


def _reshape(t: Translator, node: FxNode, args: list[Any]) -> str:
    """Every op that keeps the row-major order."""
    return t.emit(node, "reshape", [args[0]])


def _permute(t: Translator, node: FxNode, args: list[Any]) -> str:
    """Any order of axes."""
    rank = node.meta["val"].ndim
    return t.emit(node, "permute", [args[0]], {"axes": tuple(axis % rank for axis in args[1])})


def _transpose(t: Translator, node: FxNode, args: list[Any]) -> str:
    """Two axes."""
    rank = node.meta["val"].ndim
    axes = list(range(rank))
    a, b = args[1] % rank, args[2] % rank
    axes[a], axes[b] = b, a
    return t.emit(node, "permute", [args[0]], {"axes": tuple(axes)})


def _unbind(t: Translator, node: FxNode, args: list[Any]) -> list[str]:
    """One slice an index, without the axis."""
    shape = t.draft.node(args[0]).shape
    axis = args[1] % len(shape)
    rest = (*shape[:axis], *shape[axis + 1 :])
    parts = _slices(t, node, args[0], axis, [1] * shape[axis])
    return [t.emit(node, "reshape", [part], suffix="unbind", shape=rest) for part in parts]


def _split_with_sizes(t: Translator, node: FxNode, args: list[Any]) -> list[str]:
    """Parts of given sizes."""
    return _slices(t, node, args[0], args[2] % len(t.draft.node(args[0]).shape), args[1])


def _split(t: Translator, node: FxNode, args: list[Any]) -> list[str]:
    """Parts of one size, the last as it comes."""
    shape = t.draft.node(args[0]).shape
    axis, size = args[2] % len(shape), args[1]
    return _slices(t, node, args[0], axis, [min(size, shape[axis] - start) for start in range(0, shape[axis], size)])


def _chunk(t: Translator, node: FxNode, args: list[Any]) -> list[str]:
    """A number of parts."""
    size = -(-t.draft.node(args[0]).shape[args[2]] // args[1])
    return _split(t, node, [args[0], size, args[2]])


def _slice(t: Translator, node: FxNode, args: list[Any]) -> str:
    """Neighbouring indices of one axis; ends as Python counts them."""
    x, axis, start, stop, step = args
    shape = t.draft.node(x).shape
    axis %= len(shape)
    if step != 1:
        t.refuse(node, "a slice with a step")
    first, last, _ = slice(start, stop).indices(shape[axis])
    if (first, last) == (0, shape[axis]):
        return str(x)
    return t.emit(node, "slice", [x], {"axis": axis, "start": first, "stop": last})


def _select(t: Translator, node: FxNode, args: list[Any]) -> str:
    """One index of one axis, without the axis."""
    x, axis, index = args
    shape = t.draft.node(x).shape
    axis, index = axis % len(shape), index % shape[axis % len(shape)]
    part = (*shape[:axis], 1, *shape[axis + 1 :])
    attributes: dict[str, Attribute] = {"axis": axis, "start": index, "stop": index + 1}
    return t.emit(node, "reshape", [t.emit(node, "slice", [x], attributes, suffix="slice", shape=part)])


def _slices(t: Translator, node: FxNode, x: str, axis: int, sizes: Sequence[int]) -> list[str]:
    """Consecutive parts of one axis."""
    shape, start, parts = t.draft.node(x).shape, 0, []
    for size in sizes:
        part = (*shape[:axis], size, *shape[axis + 1 :])
        attributes: dict[str, Attribute] = {"axis": axis, "start": start, "stop": start + size}
        parts.append(t.emit(node, "slice", [x], attributes, suffix="slice", shape=part))
        start += size
    return parts


LAYOUT: dict[str, Translation] = {
    "_unsafe_view": _reshape,
    "chunk": _chunk,
    "flatten": _reshape,
    "permute": _permute,
    "reshape": _reshape,
    "select": _select,
    "slice": _slice,
    "split": _split,
    "split_with_sizes": _split_with_sizes,
    "squeeze": _reshape,
    "transpose": _transpose,
    "unbind": _unbind,
    "unflatten": _reshape,
    "unsqueeze": _reshape,
    "view": _reshape,
}
"""By ATen op name, overloads together."""
