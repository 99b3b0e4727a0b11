"""Refusals shared by every op that ends in the requantizer: constants in range, products in 63 bits."""

from __future__ import annotations

import numpy as np

from bittrue.spec.bounds import check_int64, held_accumulator
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call
from bittrue.spec.tensors import TensorSpec


def check_requantizer(
    call: Call, channels: int, *, axis: int | None = None, magnitude: int | None = None, parts: bool = False
) -> None:
    """Refuse constants that the datapath's requantizer cannot hold, and a scaled accumulator that may leave
    63 bits and a sign.

    axis: the output's channel axis, the only one along which its zero points may vary; None where the
    op requantizes all elements alike. magnitude: of what enters, where it is no accumulator. parts: channels
    counts inputs that each have constants of their own (concat).
    """
    check_output_axis(call, axis)
    check_zero_point(call)
    unit = call.requantizer
    if unit.kind == "thresholds":
        check_thresholds(call, channels)
        return
    check_lengths(call, channels if unit.per_channel or parts else 1, "multiplier", "shift")
    check_multipliers(call)
    check_shifts(call, call.constants["shift"])
    check_scaled(call, "scaled accumulator", held_accumulator(call).magnitude if magnitude is None else magnitude)


def check_scaled(call: Call, what: str, magnitude: int) -> None:
    """Refuse a requantization whose product, shifted left where the datapath does so, may leave 63 bits."""
    unit = call.requantizer
    if unit.kind in ("float32", "thresholds"):
        check_int64(call, what, magnitude)
        return
    entered = magnitude if unit.input_bits is None else min(magnitude, 1 << (unit.input_bits - 1))
    for multiplier, shift in zip(
        *np.broadcast_arrays(call.constants["multiplier"], call.constants["shift"]), strict=True
    ):
        m, s = int(multiplier), int(shift)
        if unit.second is None:
            reach, first = entered * m, s
        else:
            first = unit.first_shift
            lifted = entered << max(0, first - s)
            reach = (lifted if unit.lifted_bits is None else min(lifted, 1 << (unit.lifted_bits - 1))) * m
        check_int64(call, what, reach + (1 << max(first, s, 1) - 1) + (1 << 30))


def check_output_axis(call: Call, axis: int | None = None) -> None:
    """Refuse an output whose scales vary along another axis than the op's channel axis."""
    if call.output.axis not in (None, axis):
        raise IllFormed(
            "this op cannot give its output a scale an index of that axis",
            where=f"{call.step}: tensor {call.output.name}",
            got=f"axis {call.output.axis}",
            expected="one scale" if axis is None else f"one scale, or axis {axis}",
        )


def check_zero_point(call: Call) -> None:
    """Refuse an output zero point where the requantizer adds none."""
    if call.requantizer.zero_point == "none" and any(call.output.zero_point):
        raise IllFormed(
            "the datapath's requantizer adds no zero point",
            where=f"{call.step}: tensor {call.output.name}",
            got=f"zero point {call.output.zero_point[0]}",
            expected="0",
            next_step='set tensors.zero_points = "none", so that lowering makes every tensor symmetric',
        )


def check_thresholds(call: Call, channels: int) -> None:
    """Refuse thresholds of another shape, unsorted ones, and more of them than the output has codes."""
    array = call.constants["thresholds"]
    low, high = call.output.code_range
    if array.ndim != 2 or array.shape[0] not in (1, channels) or array.shape[1] > high - low:
        raise IllFormed(
            "constant 'thresholds' has the wrong shape",
            where=call.step,
            got=array.shape,
            expected=f"(1 or {channels}, at most {high - low})",
        )
    if (np.diff(array.astype(np.int64), axis=1) < 0).any():
        raise IllFormed("thresholds must ascend", where=call.step)


def check_lengths(call: Call, channels: int, *roles: str) -> None:
    """Refuse a constant that is neither one for all nor one per channel."""
    for role in roles:
        array = call.constants[role]
        if array.ndim != 1 or array.size not in (1, channels):
            raise IllFormed(
                f"constant '{role}' has the wrong shape",
                where=call.step,
                got=array.shape,
                expected="(1,)" if channels == 1 else f"(1,) or ({channels},)",
            )


def check_multipliers(call: Call) -> None:
    """Refuse multipliers that a program's requantizer cannot have."""
    unit, multiplier = call.requantizer, call.constants["multiplier"]
    least, most = int(multiplier.min()), int(multiplier.max())
    if unit.kind == "float32":
        # The bits of a positive, finite, normal float32 are an int32 between those of 2**-126 and infinity.
        low, high = 0x00800000, 0x7F7FFFFF
    elif unit.kind == "shift":
        low, high = 1, 1
    else:
        bits = unit.multiplier_bits
        low, high = (1 << (bits - 1)) if unit.normalized else 0, (1 << bits) - 1
    if least < low or most > high:
        raise IllFormed(
            "a multiplier is outside the datapath's range",
            where=call.step,
            got=f"{least}..{most}",
            expected=f"{low}..{high}" + (" (IEEE-754 bits of a positive normal float32)" * (unit.kind == "float32")),
        )


def check_shifts(call: Call, shift: np.ndarray) -> None:
    """Refuse shifts outside shift_min..shift_max; a float32 scale has shift 0."""
    unit = call.requantizer
    low, high = (0, 0) if unit.kind == "float32" else (unit.shift_min, unit.shift_max)
    if int(shift.min()) < low or int(shift.max()) > high:
        raise IllFormed(
            "a shift is outside the datapath's range",
            where=call.step,
            got=f"{int(shift.min())}..{int(shift.max())}",
            expected=f"{low}..{high}",
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


def check_input_channels(call: Call, axis: int, *, depthwise: bool = False) -> None:
    """Refuse an input of conv2d or linear whose scales vary along another axis than its channels, and zero points
    that differ between channels where they are subtracted from codes (docs/design.md, decision 5).

    depthwise: every output reads one channel, so that a multiplier subtracts one zero point.
    """
    spec = call.inputs[0]
    if spec.axis not in (None, axis):
        raise IllFormed(
            "scales fold into weights only along the axis of the input channels",
            where=f"{call.step}: tensor {spec.name}",
            got=f"axis {spec.axis}",
            expected=f"one scale, or axis {axis}",
        )
    if call.datapath.mac.zero_point == "subtracted" and not depthwise:
        check_one_zero_point(call, spec, "a multiplier that subtracts the zero point has one for all channels")


def check_one_zero_point(call: Call, spec: TensorSpec, why: str) -> None:
    """Refuse a tensor whose zero points differ between channels."""
    if len(set(spec.zero_point)) > 1:
        raise IllFormed(
            f"{why}, and a tensor's zero points differ between channels",
            where=f"{call.step}: tensor {spec.name}",
            got=f"{min(spec.zero_point)}..{max(spec.zero_point)} along axis {spec.axis}",
            expected="one zero point",
            next_step="quantize the tensor symmetrically, or with one scale",
        )


def check_per_tensor(call: Call, index: int) -> None:
    """Refuse a per-channel scaled operand where the op has no place for its scales (docs/design.md, decision 5)."""
    spec = call.inputs[index]
    if spec.axis is not None:
        raise IllFormed(
            "this op cannot take a per-channel quantized input",
            where=f"{call.step}: tensor {spec.name}",
            got=f"axis {spec.axis}",
            expected="one scale",
            next_step="quantize the tensor with one scale: only conv2d and linear fold channel scales into weights",
        )
