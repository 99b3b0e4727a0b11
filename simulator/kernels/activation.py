"""activation, fast: runs the datapath's unit once for each possible code; see spec/ops/activation.py.

Where a tensor has fewer codes than are possible, and for a row maximum, the unit runs on the codes themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from bittrue.simulator.kernels.table import look_up
from bittrue.simulator.requantize import Requantizer, finish_planes, one_plane
from bittrue.simulator.units.activation import KINDS
from bittrue.spec.op import Call
from bittrue.spec.ops.activation import Activation, formats, unit_of
from bittrue.spec.units.section import Integers


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Codes of any shape -> codes of that shape. Fills the unit's stages and, where the requantizer follows,
    `accumulator` and `rounded`, all int64 of that shape."""
    op, shape = cast(Activation, call.op), call.output.shape
    unit = unit_of(call.datapath, op.function)
    axis, channels = (0, 1) if op.axis is None else (op.axis, shape[op.axis])
    codes = np.require(operands[0], requirements=["C", "W"]).reshape(math.prod(shape[:axis]), channels, -1)
    kind = np.dtype(np.int64) if unit.requantizes else call.output.dtype
    wanted = ("output",) if stages is None else (*unit.stages, "output")
    if not unit.elementwise:
        found = _evaluate(call, 0, codes.reshape(shape))
    elif 1 << call.inputs[0].bits <= codes.size // channels:
        found = _looked_up(call, codes, wanted, kind)
    else:
        each = [_evaluate(call, channel, codes[:, channel]) for channel in range(channels)]
        found = {name: np.stack([part[name] for part in each], axis=1) for name in wanted}
    if stages is not None:
        stages.update({name: found[name].astype(np.int64).reshape(shape) for name in unit.stages})
    output = found["output"]
    if not unit.requantizes:
        return output.astype(kind, copy=False).reshape(shape)
    planes = one_plane(output.reshape(shape)) if op.axis is None else output.reshape(channels, 1, -1)
    return finish_planes(call, planes, Requantizer.of(call, channels), stages)


def _looked_up(
    call: Call, codes: Integers, wanted: Sequence[str], kind: DTypeLike
) -> dict[str, NDArray[np.signedinteger]]:
    """The wanted results of codes [before, channels, after], read from their values for every possible code."""
    low, high = call.inputs[0].code_range
    every = np.arange(low, high + 1)
    values = [_evaluate(call, channel, every) for channel in range(codes.shape[1])]
    found = {}
    for name in wanted:
        table = np.stack([part[name] for part in values]).astype(kind if name == "output" else np.int64)
        found[name] = np.empty(codes.shape, table.dtype)
        look_up(codes, low, table, found[name])
    return found


def _evaluate(call: Call, channel: int, codes: Integers) -> dict[str, NDArray[np.int64]]:
    """The unit's stages and output for codes of one channel, of any shape."""
    unit = unit_of(call.datapath, cast(Activation, call.op).function)
    read = {name: values[channel if values.size > 1 else 0] for name, values in formats(call).items()}
    constants = {port.name: call.constants[port.name][channel] for port in unit.parameters}
    return KINDS[unit.kind](unit, {"codes": codes, **read, **constants})
