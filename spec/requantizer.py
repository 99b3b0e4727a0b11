"""Refusals shared by every op that ends in the requantizer: constants in range, products in 63 bits."""

from __future__ import annotations

import numpy as np

from bittrue.spec.bounds import check_int64, held_accumulator
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call

ROLES = ("multiplier", "shift")
"""Constants of a requantizer: `multiplier` and `shift`, int, [1] or [output channels]."""


def check_requantizer(call: Call, channels: int, *, axis: int | None = None) -> None:
    """Refuse multiplier and shift arrays that the datapath cannot hold, and a scaled accumulator that
    may leave 63 bits and a sign.

    axis: the output's channel axis, the only one along which its zero points may vary; None where the
    op requantizes all elements alike.
    """
    multiplier, shift = call.constants["multiplier"], call.constants["shift"]
    check_lengths(call, channels, "multiplier", "shift")
    check_multipliers(call, multiplier, exact_top_bit=True)
    check_shifts(call, shift)
    check_output_axis(call, axis)
    check_scaled(call, "scaled accumulator", held_accumulator(call).magnitude)


def check_scaled(call: Call, what: str, magnitude: int) -> None:
    """Refuse a requantization whose product, shifted left where the datapath does so, may leave 63 bits."""
    for multiplier, shift in zip(
        *np.broadcast_arrays(call.constants["multiplier"], call.constants["shift"]), strict=True
    ):
        m, s = int(multiplier), int(shift)
        if call.second_rounding is None:
            reach, first = magnitude * m, s
        else:
            first = call.datapath.requantization.first_shift
            reach = (magnitude << max(0, first - s)) * m
        check_int64(call, what, reach + (1 << (max(first, s) - 1)))


def check_output_axis(call: Call, axis: int | None = None) -> None:
    """Refuse an output whose scales vary along another axis than the op's channel axis."""
    if call.output.axis not in (None, axis):
        raise IllFormed(
            "this op cannot give its output a scale an index of that axis",
            where=f"{call.step}: tensor {call.output.name}",
            got=f"axis {call.output.axis}",
            expected="one scale" if axis is None else f"one scale, or axis {axis}",
        )


def check_lengths(call: Call, channels: int, *roles: str) -> None:
    """Refuse a constant that is neither one for all nor one per channel."""
    for role in roles:
        array = call.constants[role]
        if array.ndim != 1 or array.size not in (1, channels):
            raise IllFormed(
                f"constant '{role}' has the wrong shape",
                where=call.step,
                got=array.shape,
                expected=f"(1,) or ({channels},)",
            )


def check_multipliers(call: Call, multiplier: np.ndarray, *, exact_top_bit: bool) -> None:
    """Refuse multipliers outside [2**(bits-1), 2**bits), or outside [0, 2**bits) where several share
    one shift and only the largest has its top bit set."""
    bits = call.datapath.requantization.multiplier_bits
    low, high = (1 << (bits - 1)) if exact_top_bit else 0, (1 << bits) - 1
    if int(multiplier.min()) < low or int(multiplier.max()) > high:
        raise IllFormed(
            "a multiplier is outside the datapath's range",
            where=call.step,
            got=f"{int(multiplier.min())}..{int(multiplier.max())}",
            expected=f"{low}..{high}",
        )


def check_shifts(call: Call, shift: np.ndarray) -> None:
    """Refuse shifts outside 1..shift_max."""
    largest = call.datapath.requantization.shift_max
    if int(shift.min()) < 1 or int(shift.max()) > largest:
        raise IllFormed(
            "a shift is outside the datapath's range",
            where=call.step,
            got=f"{int(shift.min())}..{int(shift.max())}",
            expected=f"1..{largest}",
        )


def check_operand(call: Call, index: int, bits_max: int) -> None:
    """Refuse an operand that is wider than the unit takes (docs/design.md, decision 8). A tensor with a
    proved row sum is a softmax probability and may have probability_bits_max."""
    spec = call.inputs[index]
    limit = call.datapath.mac.probability_bits_max if spec.row_sum_max is not None else bits_max
    if spec.bits > limit:
        raise IllFormed(
            "a MAC operand is wider than the datapath's multiplier",
            where=f"{call.step}: tensor {spec.name}",
            got=f"{spec.bits} bits",
            expected=f"at most {limit} bits",
        )


def check_weight_shape(call: Call, shape: tuple[int, ...]) -> None:
    """Refuse a weight of another shape or a bias of another length. Before the bound, which reads both."""
    if call.constants["weight"].shape != shape:
        raise IllFormed(
            "constant 'weight' has the wrong shape", where=call.step, got=call.constants["weight"].shape, expected=shape
        )
    check_lengths(call, shape[0], "bias")


def check_weight(call: Call) -> None:
    """Refuse weights outside the datapath's width and biases outside bias_bits."""
    mac = call.datapath.mac
    for role, bits in (("weight", mac.weight_bits_max), ("bias", mac.bias_bits)):
        array = call.constants[role]
        low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        if int(array.min()) < low or int(array.max()) > high:
            raise IllFormed(
                f"constant '{role}' does not fit the datapath",
                where=call.step,
                got=f"{int(array.min())}..{int(array.max())}",
                expected=f"{low}..{high} ({bits} bits)",
            )


def check_per_tensor(call: Call, index: int) -> None:
    """Refuse a per-channel scaled operand where the op reduces over the channel (docs/design.md, decision 5)."""
    spec = call.inputs[index]
    if spec.axis is not None:
        raise IllFormed(
            "an op that reduces over channels cannot take a per-channel quantized input",
            where=f"{call.step}: tensor {spec.name}",
            got=f"axis {spec.axis}",
            expected="one scale",
            next_step="fold the channel scales into the weights before quantizing them",
        )
