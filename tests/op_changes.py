"""Make an invalid call out of a valid one, for the tests of refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from op_datapaths import datapath
from op_parts import tensor

from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call
from bittrue.spec.tensors import TensorSpec

Change = Callable[[Call], Call]
Refusals = Mapping[str, tuple[Change, str]]
"""By situation: how to change a valid call, and words of the refusal."""


def accept(call: Call) -> None:
    """Prove the bound and check the call, as a program does for each of its steps."""
    call.op.bound(call)
    call.op.check(call)


def refused(call: Call, change: Change, words: str) -> None:
    """The valid call passes its check; the changed one is IllFormed with these words.

    Where the refusal names a place it is the step; where it names none, Program.check adds the step.
    """
    accept(call)
    changed = change(call)
    with pytest.raises(IllFormed, match=words) as refusal:
        accept(changed)
    assert refusal.value.where.startswith("step") or not refusal.value.where


def constant(role: str, values: object) -> Change:
    """Another array for one constant."""
    return lambda call: replace(call, constants={**call.constants, role: np.array(values)})


def source(spec: TensorSpec, index: int = 0) -> Change:
    """Another input."""
    return lambda call: replace(call, inputs=(*call.inputs[:index], spec, *call.inputs[index + 1 :]))


def output(spec: TensorSpec) -> Change:
    """Another output."""
    return lambda call: replace(call, output=spec)


def through(changes: Mapping[str, object]) -> Change:
    """Another datapath: the default one with some keys changed."""
    return lambda call: replace(call, datapath=datapath(changes))


def per_channel(index: int = 0, axis: int = 1) -> Change:
    """An input with a zero point for each index of an axis."""

    def change(call: Call) -> Call:
        spec = call.inputs[index]
        count = spec.shape[axis]
        return source(replace(spec, scale=(1.0,) * count, zero_point=tuple(range(count)), axis=axis), index)(call)

    return change


def per_channel_output(axis: int) -> Change:
    """An output with a zero point for each index of an axis."""

    def change(call: Call) -> Call:
        count = call.output.shape[axis]
        return output(tensor("y", call.output.shape, zero_point=tuple(range(count)), axis=axis))(call)

    return change


def overflowing(call: Call) -> Call:
    """A datapath that refuses overflow and has one accumulator bit too few for the call's bound."""
    assert call.bound is not None
    return through({"mac.accumulator_bits": call.bound.bits - 1})(call)


REQUANTIZER: Refusals = {
    "multiplier too small": (constant("multiplier", [(1 << 30) - 1]), "multiplier"),
    "multiplier too large": (constant("multiplier", [1 << 31]), "multiplier"),
    "multiplier negative": (constant("multiplier", [-(1 << 30)]), "multiplier"),
    "no multiplier per channel": (constant("multiplier", [1 << 30] * 99), "'multiplier' has the wrong shape"),
    "multiplier is a matrix": (constant("multiplier", [[1 << 30]]), "'multiplier' has the wrong shape"),
    "shift 0": (constant("shift", [0]), "shift"),
    "shift 63": (constant("shift", [63]), "shift"),
    "shift past the datapath's": (through({"requantization.shift_max": 1}), "shift"),
    "no shift per channel": (constant("shift", [8] * 99), "'shift' has the wrong shape"),
}
"""What every op with one requantizer behind it refuses under the default datapath."""
ACCUMULATOR: Refusals = {
    "accumulator too narrow": (overflowing, "accumulator may overflow"),
    "scaled accumulator past 63 bits": (
        lambda call: replace(through({"mac.accumulator_bits": 48})(call), bound=type(call.bound)(-(1 << 40), 1 << 40)),
        "scaled accumulator may not fit 63 bits",
    ),
}
"""What every op with a MAC accumulator refuses."""
