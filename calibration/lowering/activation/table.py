"""Lowering to the table op: the input quantizer, and functions that have no unit of their own."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.constants import Constants, narrow
from bittrue.calibration.lowering.context import Lowering
from bittrue.calibration.lowering.tables import FUNCTIONS, function_table
from bittrue.spec.op import Op
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


def lower_by_table(lowering: Lowering, node: Node, axis: int | None) -> tuple[Op, Constants]:
    """One table, or one for each index of the axis along which a scale varies."""
    name = node.text("function")
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
    region_shift = lowering.plan.tensors[node.name].region_shift
    known: dict[tuple[object, ...], NDArray[np.int64]] = {}  # channels often share a table
    rows = []
    for index, function in enumerate(functions):
        step_in, zero, step_out = float(scale_in[index]), int(zero_in[index]), float(scale_out[index])
        key = (function, step_in, zero, step_out, int(zero_out[index]))
        if key not in known:
            known[key] = function_table(
                function,
                source.code_range,
                step_in,
                zero,
                step_out,
                int(zero_out[index]),
                output.code_range,
                region_shift,
            )
        rows.append(known[key])
    per_channel = next((axis for axis in (source.axis, output.axis) if axis is not None), 1)
    return Table(name, per_channel if count > 1 else None), {"table": narrow(np.stack(rows))}
