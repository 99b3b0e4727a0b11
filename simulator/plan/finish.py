"""The requantizer behind the products of the fast machine: which steps it serves, and its constants.

    byte = clamp(((a * multiplier + offset) >> shift) + zero, low, high)        offset = 2**(shift - 1): half up

on accumulators of at most 32 bits, with bytes as storage.py has them. Any other requantizer takes the
accumulators through `simulator/requantize.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.plan.plain_tables import plain_table
from bittrue.simulator.plan.storage import byte_offset
from bittrue.simulator.plan.sums import COLUMNS
from bittrue.simulator.requantize import Requantizer
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.bounds import held_accumulator
from bittrue.spec.op import Call
from bittrue.spec.ops.activation import Activation, unit_of

NO_TABLE = np.empty(0, np.uint8)
INT32_LIMIT = 1 << 31


@dataclass(frozen=True)
class Finish:
    """Constants of `tile.finish_row`, an entry a column, padded to whole tiles."""

    multiplier: NDArray[np.int32]
    offset: NDArray[np.int64]
    shift: NDArray[np.int64]
    zero: NDArray[np.int32]
    low: int
    high: int


def finish_of(call: Call, channels: int, *, entering: int | None = None) -> Finish | None:
    """The constants of a step's requantizer; None where it is another one or its widths are not proved.

    entering: the largest magnitude that enters it, where that is no accumulator.
    """
    requantizer = Requantizer.of(call, channels, entering=entering)
    unit = requantizer.unit
    plain = requantizer.fast and unit.second is None and unit.rounding is Rounding.HALF_UP
    if not plain or (entering is None and call.bound is None) or (entering or 0) >= INT32_LIMIT:
        return None
    # What leaves the shift must fit 32 bits together with the zero point.
    reach = held_accumulator(call).magnitude if entering is None else entering
    multiplier, shift = requantizer.multiplier.astype(object), requantizer.shift.astype(object)
    rounded = ((reach * abs(multiplier)) >> shift) + 1
    zero = requantizer.zero_point + byte_offset(call.output)
    if (rounded + abs(zero.astype(object)) >= INT32_LIMIT).any() or requantizer.bias.any():
        return None
    low, high = (limit + byte_offset(call.output) for limit in call.output.code_range)
    return Finish(
        padded(requantizer.multiplier, np.int32),
        padded(np.int64(1) << (requantizer.shift - 1), np.int64),
        padded(requantizer.shift, np.int64),
        padded(zero, np.int32),
        low,
        high,
    )


def unused_bits(call: Call) -> int | None:
    """How many of 32 bits the accumulator register drops; 0 where the bound is proved: then nothing is ever lost.

    None where the result does not follow from the sum modulo 2**32.
    """
    mac, bound = call.datapath.mac, call.bound
    if bound is None or mac.products != "signed":
        return None
    if call.accumulator_proved:
        held, unused = bound.bits, 0
    elif mac.overflow == "wrap" and not mac.ordered:
        held, unused = mac.accumulator_bits, 32 - mac.accumulator_bits
    else:
        return None
    fits = held <= 32 and (mac.output_bits is None or held <= mac.output_bits)
    return unused if fits else None


def table_of(table: Call | None) -> NDArray[np.uint8] | None:
    """What a table or an activation gives for every byte of its input; empty without a step.

    None where that is not the same for all elements.
    """
    if table is None:
        return NO_TABLE
    (source,) = table.inputs
    if source.bits > 8 or table.output.bits > 8:
        return None
    if isinstance(table.op, Activation):
        alike = table.op.axis is None and source.axis is None and table.output.axis is None
        elementwise = unit_of(table.datapath, table.op.function).elementwise
        return plain_table(table, 0) if alike and elementwise else None
    constant = table.constants["table"]
    if constant.shape[0] != 1:
        return None
    found = np.zeros(256, np.uint8)
    low, high = (code + byte_offset(source) for code in source.code_range)
    found[low : high + 1] = constant[0].astype(np.int64) + byte_offset(table.output)
    return found


def padded(values: NDArray[np.integer], dtype: type[np.integer]) -> NDArray[Any]:
    """One entry a column, filled up to whole tiles with the last one."""
    return np.pad(values.astype(dtype), (0, -values.size % COLUMNS), mode="edge")


def wrapped_int32(values: NDArray[np.int64]) -> NDArray[np.int32]:
    """The low 32 bits."""
    return values.astype(np.uint64).astype(np.uint32).view(np.int32)
