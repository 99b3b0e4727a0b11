"""How many bits a stage or a constant has in a vector file.

Only widths that the contract proves: those the datapath states and the op's `check` (spec/ops) holds
every step to. A stage without one gets 64 bits signed, which holds every intermediate (docs/design.md,
decision 2: strictly below 2**63); a constant without one gets the least standard width of its values.
"""

from __future__ import annotations

from bittrue.spec.arithmetic import signed_bits
from bittrue.spec.op import Call
from bittrue.spec.ops.activation import Activation
from bittrue.spec.ops.activation import unit_of as activation_of
from bittrue.spec.ops.add import unit_of as add_of
from bittrue.spec.ops.softmax import unit_of
from bittrue.spec.row_norm import RowNorm
from bittrue.spec.row_norm import unit_of as norm_of
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.section import Integers, Width

__all__ = ["CONTAINER", "Width", "constant_width", "least_width", "stage_width"]

STANDARD_BITS = (8, 16, 32, 48, 64)
CONTAINER = Width(64, True)
"""Holds every intermediate."""


def stage_width(call: Call, stage: str) -> Width:
    """The width that holds every value a stage of this step can take."""
    datapath = call.datapath
    if stage == "accumulator" and call.bound is not None:
        # An exact accumulator has no width of its own.
        return CONTAINER if datapath.mac.overflow == "exact" else Width(datapath.mac.accumulator_bits, True)
    if isinstance(call.op, RowNorm):
        n = call.op.row_length(call.inputs[0].shape)
        stated = dict(norm_of(datapath).stage_widths(_codes(call.inputs[0]), n))
    elif call.op.name == "softmax":
        stated = dict(unit_of(datapath).stage_widths(_codes(call.inputs[0]), call.inputs[0].shape[-1]))
    elif call.op.name in ("add", "sub"):
        stated = dict(add_of(datapath).stage_widths)
    elif isinstance(call.op, Activation):
        unit = activation_of(datapath, call.op.function)
        stated = dict(unit.stage_widths(_codes(call.inputs[0]), _codes(call.output)))
    else:
        stated = {}
    return stated.get(stage, CONTAINER)


def constant_width(call: Call, role: str) -> Width:
    """The width of a constant in the datapath where it states one, else the least standard width."""
    datapath = call.datapath
    if isinstance(call.op, Activation):
        unit = activation_of(datapath, call.op.function)
        if role in {port.name for port in unit.parameters}:
            stated = unit.parameter_widths(_codes(call.inputs[0]), _codes(call.output))
            return stated.get(role, least_width(call.constants[role]))
    if call.op.name == "softmax":
        return unit_of(datapath).parameter_widths[role]
    if isinstance(call.op, RowNorm):
        return norm_of(datapath).parameter_widths.get(role, least_width(call.constants[role]))
    if call.op.name in ("add", "sub"):
        return add_of(datapath).parameter_widths[role]
    if role == "weight":
        return Width(datapath.mac.weight_bits_max, True)
    if role == "bias":
        return Width(datapath.mac.bias_bits, True)
    if role == "shift":
        return Width(call.requantizer.shift_max.bit_length(), False)
    if role == "multiplier":  # of a float32 scale the bits
        return Width(32 if call.requantizer.kind == "float32" else call.requantizer.multiplier_bits, False)
    if role == "table":
        return Width(call.output.bits, call.output.signed)
    return least_width(call.constants[role])


def _codes(spec: TensorSpec) -> Width:
    return Width(spec.bits, spec.signed)


def least_width(array: Integers) -> Width:
    """The least standard width that holds all values, signed."""
    needed = signed_bits(int(array.min()), int(array.max()))
    return Width(next(bits for bits in STANDARD_BITS if needed <= bits), True)
