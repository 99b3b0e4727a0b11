"""Activation functions by an interpolated table: which steps the fast machine takes, and their constants.

A code of 9 to 16 bits lies between two nodes of its table. Both stand in one entry of 32 bits,

    byte = (base * (2**step - rest) + next * rest + rounding) >> shift       rest = the code's low `step` bits

which is (base << step) + (next - base) * rest of spec/units/activation/interpolated.py. Nodes are stored 2**15 less, so
that 16 signed bits hold them; `rounding` gives that back. Results lie in the output's range, as the contract proves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.plan.storage import byte_offset
from bittrue.simulator.plan.sums import COLUMNS
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.op import Call
from bittrue.spec.ops.activation import Activation, unit_of
from bittrue.spec.units.activation import InterpolatedActivation

LESS = 1 << 15
STEP_BITS_MAX = 14
"""Both factors of a node fit 16 signed bits."""


@dataclass(frozen=True)
class Curve:
    """Constants of `words_tile.interpolate_row`."""

    entries: NDArray[np.int16]
    """[tables * 2**index_bits * 2]: for each node its value and the next one's."""
    firsts: NDArray[np.int32]
    """Where each column's table begins, in entries, padded to whole tiles: one table for all columns, or one each."""
    rule: NDArray[np.int64]
    """step, rounding, shift."""


def curve_of(call: Call, columns: int) -> Curve | None:
    """The constants of an activation of 9 to 16 bits into bytes, for `columns` channels; None for any other step."""
    (source,), op, spec = call.inputs, call.op, call.output
    if not isinstance(op, Activation) or source.bits <= 8 or source.bits > 16 or spec.bits > 8:
        return None
    unit = unit_of(call.datapath, op.function)
    if not isinstance(unit, InterpolatedActivation) or unit.wrap_bits is not None:
        return None
    step = source.bits - unit.index_bits
    shift = step + unit.fraction_bits
    if unit.rounding is not Rounding.HALF_UP and shift > 0:
        return None
    if step > STEP_BITS_MAX or spec.bits + unit.fraction_bits > 16:
        return None
    table = call.constants["table"].astype(np.int64) + (byte_offset(spec) << unit.fraction_bits) - LESS
    nodes = table.shape[1] - 1
    entries = np.stack([table[:, :-1], table[:, 1:]], axis=-1).astype(np.int16)
    firsts = np.arange(columns) * nodes if op.axis is not None else np.zeros(columns, np.int64)
    return Curve(
        entries.reshape(-1),
        np.pad(firsts, (0, -columns % COLUMNS), mode="edge").astype(np.int32),
        np.array([step, (LESS << step) + ((1 << shift) >> 1), shift], np.int64),
    )
