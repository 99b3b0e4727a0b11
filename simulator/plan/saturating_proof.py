"""What is proved of a step whose accumulator saturates, for the binders of saturating.py."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.plan.finish import padded
from bittrue.simulator.plan.processor import has_vnni
from bittrue.simulator.plan.products import INT8, correction_of
from bittrue.simulator.plan.saturating_gemm import Flags
from bittrue.simulator.plan.saturating_tile import Words
from bittrue.simulator.plan.storage import Stored
from bittrue.simulator.plan.sums import COLUMNS
from bittrue.spec.arithmetic import code_range, signed_bits
from bittrue.spec.bounds import Interval, multiplied
from bittrue.spec.op import Call

ORDERED_BITS_MAX = 30
"""So that a bias that is added last, cut to twice the register's range, leaves room in int32."""


@dataclass(frozen=True)
class Register:
    """How the accumulator limits the sums of a step, and how its products are laid out in int32."""

    low: int
    high: int
    """The ends after every addition; those of int32 where no partial sum is proved to reach them."""
    held_low: int
    held_high: int
    """The ends of the finished sum."""
    ordered: bool
    """Whether partial sums may saturate."""
    shift: int = 0
    """How far scaled sums stand to the left (`saturating_code.py`); 0 where they are not scaled."""
    code_lift: int = 0
    weight_lift: int = 0
    """How far codes and weights do; together `shift`."""


def register_of(call: Call, codes: Interval, weights: Interval) -> Register | None:
    """The accumulator of a step whose multiplier sees codes and weights in these intervals.

    None where sums are added in tiles, where they follow another rule, or where int32 is not proved wide enough.
    """
    mac, bound = call.datapath.mac, call.bound
    if bound is None or mac.products != "signed":
        return None
    product = max(abs(a * b) for a in codes for b in weights)
    bits, ordered = 32, False
    if not call.accumulator_proved:
        bits, ordered = mac.accumulator_bits, mac.overflow == "saturate"
        if mac.inner or (ordered and mac.k_tile) or mac.overflow not in ("saturate", "saturate_at_end"):
            return None
    held = code_range(min(32, bits, mac.output_bits or 32), signed=True)
    if not ordered:
        low, high = code_range(32, signed=True)
        return Register(low, high, *held, ordered) if bound.bits <= 32 and product <= high else None
    low, high = code_range(bits, signed=True)
    if bits > ORDERED_BITS_MAX or product - low >= 1 << 31:
        return None
    weight_lift = min(32 - bits, 16 - signed_bits(*weights))
    code_lift = 32 - bits - weight_lift
    if not has_vnni() or weight_lift < 0 or code_lift > 16 - signed_bits(*codes):
        return Register(low, high, *held, ordered)
    return Register(low, high, *held, ordered, 32 - bits, code_lift, weight_lift)


def dotted_blocks(call: Call, weight: NDArray[np.integer], register: Register, source: Stored) -> Flags:
    """The blocks of 16 columns where no partial sum leaves the register and whose operands dot products take.

    weight: [columns, K].
    """
    blocks = -(-weight.shape[0] // COLUMNS)
    if not source.is_bytes or weight.min() < INT8.min or weight.max() > INT8.max:
        return np.zeros(blocks, np.bool_)
    if not register.ordered:
        return np.ones(blocks, np.bool_)
    reach = np.array(multiplied(call, 0), np.int64)[:, None, None] * weight.astype(np.int64)
    # As in spec/bounds.py, column by column: a partial sum has seen any of the taps.
    least, most = np.minimum(reach.min(axis=0), 0).sum(axis=1), np.maximum(reach.max(axis=0), 0).sum(axis=1)
    bias = call.constants["bias"].astype(np.int64)
    if call.datapath.mac.bias == "first":
        least, most = least + bias, most + bias
    else:
        least, most = least + np.minimum(bias, 0), most + np.maximum(bias, 0)
    proved = (least >= register.low) & (most <= register.high)
    whole: Flags = np.pad(proved, (0, -proved.size % COLUMNS), constant_values=True).reshape(blocks, COLUMNS)
    return np.asarray(whole.all(axis=1))


def start_and_last(call: Call, weight: NDArray[np.integer], register: Register, dotted: Flags) -> tuple[Words, Words]:
    """What each column's sum begins with and what is added at the end, padded to whole tiles.

    A dotted block begins at 0 and adds what makes a sum of bytes the accumulator.
    """
    channels, (low, high) = weight.shape[0], (register.low, register.high)
    bias = np.broadcast_to(call.constants["bias"].astype(np.int64), (channels,))
    start, last = np.clip(bias, low, high), np.zeros_like(bias)
    if register.ordered and call.datapath.mac.bias == "last":
        # A bias past twice the register's range ends at the register's end whatever the sum.
        start, last = last, np.clip(bias, 2 * low, 2 * high)
    if dotted.any():
        last = np.where(np.repeat(dotted, COLUMNS)[:channels], correction_of(call, weight, channels), last)
    return padded(start, np.int32), padded(last, np.int32)


def interval_of(values: NDArray[np.integer]) -> Interval:
    """The ends of what an array holds."""
    return int(values.min()), int(values.max())
