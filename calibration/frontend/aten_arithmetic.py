"""ATen's elementwise arithmetic -> nodes of a GraphDraft: between activations, and of an activation with constants.

A constant that varies along one axis at most becomes an `affine` node (scale and offset an index of that axis), which
fold_affine.py takes into the weights beside it; one that varies along several becomes an operand, a `constant` node.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.fx import Node as FxNode

from bittrue.calibration.frontend.translator import Translation, Translator

Values = NDArray[np.float64]


def _add(t: Translator, node: FxNode, args: list[Any]) -> str:
    """Two activations of one shape, or one and a constant."""
    a, b, alpha = args
    if alpha != 1:
        t.refuse(node, "an addition with a factor")
    if isinstance(a, str) and isinstance(b, str):
        return add_tensors(t, node, a, b)
    x, values = (a, b) if isinstance(a, str) else (b, a)
    return add_constant(t, node, x, _values(values))


def _sub(t: Translator, node: FxNode, args: list[Any]) -> str:
    """Two activations of one shape, or one and a constant on either side."""
    a, b, alpha = args
    if alpha != 1:
        t.refuse(node, "a subtraction with a factor")
    if isinstance(a, str) and isinstance(b, str):
        _refuse_shapes(t, node, a, b)
        return t.emit(node, "sub", [a, b])
    if isinstance(a, str):
        return add_constant(t, node, a, -_values(b))
    negative = _affine(t, node, b, -np.ones(1), np.zeros(1), suffix="negative")
    return add_constant(t, node, negative, _values(a))


def _rsub(t: Translator, node: FxNode, args: list[Any]) -> str:
    """The second operand less the first."""
    return _sub(t, node, [args[1], args[0], args[2]])


def _mul(t: Translator, node: FxNode, args: list[Any]) -> str:
    """By a constant, or of two activations, the repeating one second."""
    a, b = args[:2]
    if isinstance(a, str) and isinstance(b, str):
        # Broadcasting is b's: put the larger tensor first.
        if t.draft.node(a).shape != tuple(node.meta["val"].shape):
            a, b = b, a
        if t.draft.node(a).shape != tuple(node.meta["val"].shape):
            t.refuse(node, "a product in which both sides repeat")
        return t.emit(node, "mul", [a, b])
    x, values = (a, b) if isinstance(a, str) else (b, a)
    return _mul_constant(t, node, x, _values(values))


def _div(t: Translator, node: FxNode, args: list[Any]) -> str:
    """By a constant."""
    if not isinstance(args[0], str) or isinstance(args[1], str):
        t.refuse(node, "a division by an activation")
    return _mul_constant(t, node, args[0], 1.0 / _values(args[1]))


def add_tensors(t: Translator, node: FxNode, a: str, b: str, *, suffix: str = "") -> str:
    """The sum of two activations of one shape."""
    _refuse_shapes(t, node, a, b)
    return t.emit(node, "add", [a, b], suffix=suffix, shape=t.draft.node(a).shape)


def add_constant(t: Translator, node: FxNode, x: str, values: Values, *, suffix: str = "") -> str:
    """The sum of an activation and a constant that broadcasts to its shape."""
    values, axes = _aligned(t, node, x, values)
    if len(axes) < 2:
        return _affine(t, node, x, np.ones(1), values, suffix=suffix)
    shape = t.draft.node(x).shape
    whole = values
    if values.shape != shape:
        whole = t.constants.hold(np.array(np.broadcast_to(values, shape)), t.constants.name(values))
    return t.emit(node, "add", [x, whole], suffix=suffix, shape=shape)


def _mul_constant(t: Translator, node: FxNode, x: str, values: Values) -> str:
    """A scalar folds or becomes an affine node later; the product with more repeats the constant."""
    values, axes = _aligned(t, node, x, values)
    if not axes:
        return t.emit(node, "scale", [x], {"factor": float(values.reshape(-1)[0])})
    if len(axes) == 1:
        return _affine(t, node, x, values, np.zeros(1))
    return t.emit(node, "mul", [x, values])


def _affine(t: Translator, node: FxNode, x: str, scale: Values, offset: Values, *, suffix: str = "") -> str:
    """scale * x + offset, both of one value or varying along one axis of x."""
    shape = t.draft.node(x).shape
    varying = [axis for values in (scale, offset) for axis in range(values.ndim) if values.shape[axis] > 1]
    axis = varying[0] if varying else 1 if len(shape) == 4 else len(shape) - 1
    count = (shape[axis],)
    return t.emit(
        node,
        "affine",
        [x],
        {"axis": axis},
        suffix=suffix,
        shape=shape,
        scale=np.array(np.broadcast_to(scale.reshape(-1), count)),
        offset=np.array(np.broadcast_to(offset.reshape(-1), count)),
    )


def _aligned(t: Translator, node: FxNode, x: str, values: Values) -> tuple[Values, list[int]]:
    """The constant with as many axes as the activation, and those along which it varies."""
    shape = t.draft.node(x).shape
    if values.ndim > len(shape) or np.broadcast_shapes(values.shape, shape) != shape:
        t.refuse(node, "a constant that repeats the activation")
    if values.ndim < len(shape):
        name = t.constants.name(values)
        values = t.constants.hold(values.reshape((1,) * (len(shape) - values.ndim) + values.shape), name)
    return values, [axis for axis, size in enumerate(values.shape) if size > 1]


def _values(constant: Any) -> Values:
    """A number or a parameter."""
    return np.asarray(constant, np.float64)


def _refuse_shapes(t: Translator, node: FxNode, a: str, b: str) -> None:
    if t.draft.node(a).shape != t.draft.node(b).shape:
        t.refuse(node, "a sum of two activations of different shapes")


ARITHMETIC: dict[str, Translation] = {
    "add": _add,
    "add_": _add,
    "div": _div,
    "mul": _mul,
    "mul_": _mul,
    "rsub": _rsub,
    "sub": _sub,
    "sub_": _sub,
}
"""By ATen op name, overloads together."""
