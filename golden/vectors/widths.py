"""How many bits a stage or a constant has in a vector file.

Only widths that the contract proves: those the datapath states and the op's `check` (spec/ops) holds
every step to. A stage without one gets 64 bits signed, which holds every intermediate (docs/design.md,
decision 2: strictly below 2**63); a constant without one gets the least standard width of its values.
"""

from __future__ import annotations

from dataclasses import dataclass

from bittrue.spec.arithmetic import signed_bits
from bittrue.spec.op import Call

STANDARD_BITS = (8, 16, 32, 48, 64)
NORMS = ("layer_norm", "group_norm")


@dataclass(frozen=True)
class Width:
    """Bits and signedness of the words of a file."""

    bits: int
    signed: bool


def stage_width(call: Call, stage: str) -> Width:
    """The width that holds every value a stage of this step can take."""
    datapath = call.datapath
    if stage == "accumulator" and call.bound is not None:
        return Width(datapath.mac.accumulator_bits, True)
    if call.op.name in NORMS:
        stated = {
            "sum": Width(datapath.norm.sum_bits, True),
            "sum_of_squares": Width(datapath.norm.sum_of_squares_bits, True),
            "variance": Width(datapath.norm.variance_bits, False),
        }
    elif call.op.name == "softmax":
        stated = {
            "maximum": Width(call.inputs[0].bits, call.inputs[0].signed),
            "exponential": Width(datapath.softmax.exponential_bits, False),
        }
    else:
        stated = {}
    return stated.get(stage, Width(64, True))


def constant_width(call: Call, role: str) -> Width:
    """The width of a constant in the datapath where it states one, else the least standard width."""
    datapath, norm = call.datapath, call.op.name in NORMS
    if role == "weight":
        return Width(datapath.mac.weight_bits_max, True)
    if role == "bias" and not norm:
        return Width(datapath.mac.bias_bits, True)
    if role == "shift":
        return Width(datapath.requantization.shift_max.bit_length(), False)
    if role in ("multiplier", "multiplier_a", "multiplier_b"):
        # A gamma has a sign, a ratio of scales has none.
        bits = datapath.norm.multiplier_bits + 1 if norm else datapath.requantization.multiplier_bits
        return Width(bits, norm)
    if role == "table" and call.op.name == "softmax":
        return Width(datapath.softmax.exponential_bits, False)
    if role == "table":
        return Width(call.output.bits, call.output.signed)
    array = call.constants[role]
    needed = signed_bits(int(array.min()), int(array.max()))
    return Width(next(bits for bits in STANDARD_BITS if needed <= bits), True)
