"""Lowering of tables, softmax, add, mul, concat and the layout ops."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.constants import Constants, common_shift, narrow, requantizer
from bittrue.calibration.lowering.context import Lowering
from bittrue.calibration.lowering.mac import one_scale
from bittrue.calibration.lowering.tables import FUNCTIONS, exponential_table, function_table
from bittrue.spec.errors import Unsupported
from bittrue.spec.op import Op
from bittrue.spec.ops.add import Add
from bittrue.spec.ops.concat import Concat
from bittrue.spec.ops.mul import Mul
from bittrue.spec.ops.softmax import Softmax
from bittrue.spec.ops.table import Table


def lower_normalize(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """u8 pixel -> code, a table a colour channel where mean or std differ between them."""
    channels = list(zip(node.reals("mean"), node.reals("std"), strict=True))
    functions = [_normalization(Fraction(mean), Fraction(std)) for mean, std in channels]
    same = len(set(channels)) == 1 and lowering.specs[node.name].axis is None
    # The pixel's real value is pixel / 255 exactly, which no float64 scale can say.
    return _table(lowering, node, "normalize", functions[:1] if same else functions, pixel=True)


def _normalization(mean: Fraction, std: Fraction) -> Callable[[Fraction], Fraction]:
    return lambda pixel: (pixel / 255 - mean) / std


def lower_function(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """One table, or one a channel where the input or the output has a scale a channel."""
    name = node.text("function")
    if name not in FUNCTIONS:
        raise Unsupported("no table for this function", where=node.name, got=name, expected=", ".join(FUNCTIONS))
    source, output = lowering.specs[node.inputs[0]], lowering.specs[node.name]
    axis = source.axis if source.axis is not None else output.axis
    return _table(lowering, node, name, [FUNCTIONS[name]] * (1 if axis is None else node.shape[axis]))


def _table(
    lowering: Lowering, node: Node, name: str, functions: list[Callable[[Fraction], Fraction]], *, pixel: bool = False
) -> tuple[Op, Constants]:
    source, output = lowering.specs[node.inputs[0]], lowering.specs[node.name]
    count = len(functions)
    scale_in = np.broadcast_to(np.array([1.0] if pixel else source.scale), (count,))
    zero_in, scale_out, zero_out = (
        np.broadcast_to(np.array(values), (count,)) for values in (source.zero_point, output.scale, output.zero_point)
    )
    known: dict[tuple[object, ...], NDArray[np.int64]] = {}  # channels often share a table
    rows = []
    for index, function in enumerate(functions):
        step_in, zero, step_out = float(scale_in[index]), int(zero_in[index]), float(scale_out[index])
        key = (function, step_in, zero, step_out, int(zero_out[index]))
        if key not in known:
            known[key] = function_table(
                function, source.code_range, step_in, zero, step_out, int(zero_out[index]), output.code_range
            )
        rows.append(known[key])
    per_channel = next((axis for axis in (source.axis, output.axis) if axis is not None), 1)
    return Table(name, per_channel if count > 1 else None), {"table": narrow(np.stack(rows))}


def lower_softmax(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """The table of exponentials depends on the logits' scale alone."""
    (logits,) = lowering.inputs(node)
    one_scale(logits)
    table = exponential_table(logits.bits, logits.scale[0], lowering.datapath.softmax.exponential_bits)
    return Softmax(), {"table": table.astype(np.uint16)}


def lower_add(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """Two multipliers over one shift."""
    a, b = lowering.inputs(node)
    out = one_scale(lowering.specs[node.name])
    (m_a, m_b), shift = common_shift([one_scale(a) / out, one_scale(b) / out], lowering.datapath)
    return Add(), {
        "multiplier_a": np.array([m_a], np.int32),
        "multiplier_b": np.array([m_b], np.int32),
        "shift": np.array([shift], np.int8),
    }


def lower_mul(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """Product of two scales over the output's."""
    a, b = lowering.inputs(node)
    return Mul(), requantizer([one_scale(a) * one_scale(b) / one_scale(lowering.specs[node.name])], lowering.datapath)


def lower_concat(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """A ratio for each input."""
    out = one_scale(lowering.specs[node.name])
    return Concat(node.integer("axis")), requantizer(
        [one_scale(x) / out for x in lowering.inputs(node)], lowering.datapath
    )


def lower_layout(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """Nothing to compute."""
    return node.layout_op, {}
