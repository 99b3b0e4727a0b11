"""Bytes and operand widths of a Call, as a machine stores and multiplies them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.op import Call
from bittrue.spec.tensors import TensorSpec


def element_bytes(bits: int) -> int:
    """Whole bytes that hold one code: 8 bits take 1, 12 and 16 bits take 2."""
    return -(-bits // 8)


def tensor_bytes(spec: TensorSpec) -> int:
    """Bytes of one activation tensor."""
    return spec.size * element_bytes(spec.bits)


def constant_bytes(array: NDArray[np.integer]) -> int:
    """Bytes of one constant: the least of 1, 2, 4 or 8 bytes an element that holds every value."""
    low, high = int(array.min()), int(array.max())
    bits = high.bit_length() if low >= 0 else max((-low - 1).bit_length(), high.bit_length()) + 1
    width = 1
    while 8 * width < bits:
        width *= 2
    return array.size * width


def constants_bytes(constants: Mapping[str, NDArray[np.integer]]) -> int:
    """Bytes of all constants of a step."""
    return sum(constant_bytes(array) for array in constants.values())


@dataclass(frozen=True)
class Operands:
    """The two factors of a MAC.

    The first is an activation, [m, k]; the second, [k, n], is a constant weight or another activation.
    """

    first_bits: int
    second_bits: int
    second_is_constant: bool

    def first_passes(self, operand_bits: int) -> int:
        """Chunks of the first factor that a multiplier port of operand_bits takes one after another."""
        return -(-self.first_bits // operand_bits)

    def second_passes(self, operand_bits: int) -> int:
        """Chunks of the second factor."""
        return -(-self.second_bits // operand_bits)

    def passes(self, operand_bits: int) -> int:
        """How often the array runs through the whole product: each chunk meets each chunk."""
        return self.first_passes(operand_bits) * self.second_passes(operand_bits)


def operands(call: Call) -> Operands:
    """Widths of a GEMM's factors. A constant weight is as wide as the datapath's weights."""
    first = call.inputs[0].bits
    if "weight" in call.constants:
        return Operands(first, call.datapath.mac.weight_bits_max, True)
    return Operands(first, call.inputs[1].bits, False)
