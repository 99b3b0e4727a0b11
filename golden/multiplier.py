"""What a multiplier reads of its operands: raw codes, codes without their zero point, or unsigned registers.

The first lines of spec/units/mac.py, for the judges of the ops that multiply.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bittrue.golden.fixed import read_unsigned
from bittrue.golden.requantizer import centred, constant, zero_points
from bittrue.spec.op import Call


def activation(call: Call, operands: Sequence[Tensor], index: int) -> Tensor:
    """One operand of conv2d or linear, int64, its shape: the zero point is folded into the bias or subtracted."""
    if call.datapath.mac.zero_point == "subtracted":
        return centred(call, operands, index)
    return _register(call, operands[index], call.inputs[index].bits)


def padding(call: Call) -> Tensor:
    """What a tap outside the image reads, int64, broadcastable against the input: a real 0."""
    points = zero_points(call.inputs[0])
    if call.datapath.mac.zero_point == "subtracted":
        return points - points
    return _register(call, points, call.inputs[0].bits)


def weights(call: Call) -> Tensor:
    """The constant "weight", int64, its shape."""
    return _register(call, constant(call, "weight"), call.datapath.mac.weight_bits_max)


def factor(call: Call, operands: Sequence[Tensor], index: int) -> Tensor:
    """One operand of matmul or weighted_sum, int64, its shape: its zero point is always subtracted.

    The contract refuses a zero point where products are unsigned.
    """
    return _register(call, centred(call, operands, index), call.inputs[index].bits)


def _register(call: Call, codes: Tensor, bits: int) -> Tensor:
    return read_unsigned(codes, bits) if call.datapath.mac.products == "unsigned" else codes
