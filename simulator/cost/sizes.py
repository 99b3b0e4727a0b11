"""Bytes and operand widths of a Call, as a machine stores and multiplies them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.machine import Array
from bittrue.spec.op import Call
from bittrue.spec.tensors import TensorSpec


def element_bytes(bits: int) -> int:
    """Whole bytes that hold one code: 8 bits take 1, 12 and 16 bits take 2."""
    return -(-bits // 8)


def codes_bytes(count: int, bits: int, packed: bool) -> int:
    """Bytes of `count` codes: whole bytes each, or bits / 8 where a machine packs them."""
    return -(-count * bits // 8) if packed else count * element_bytes(bits)


def tensor_bytes(spec: TensorSpec, packed: bool = False) -> int:
    """Bytes of one activation tensor."""
    return codes_bytes(spec.size, spec.bits, packed)


def value_bits(array: NDArray[np.integer]) -> int:
    """The least width that holds every value, unsigned where no value is negative."""
    low, high = int(array.min()), int(array.max())
    return high.bit_length() if low >= 0 else max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1


def constant_bytes(array: NDArray[np.integer], packed: bool = False) -> int:
    """Bytes of one constant: the least of 1, 2, 4 or 8 bytes an element that holds every value, or its bits."""
    bits = max(value_bits(array), 1)
    if packed and bits < 8:
        return codes_bytes(array.size, bits, True)
    width = 1
    while 8 * width < bits:
        width *= 2
    return array.size * width


def constants_bytes(constants: Mapping[str, NDArray[np.integer]], packed: bool = False) -> int:
    """Bytes of all constants of a step."""
    return sum(constant_bytes(array, packed) for array in constants.values())


@dataclass(frozen=True)
class Operands:
    """The two factors of a MAC.

    The first is an activation, [m, k]; the second, [k, n], is a constant weight or another activation.
    """

    first_bits: int
    second_bits: int
    second_is_constant: bool

    def first_passes(self, array: Array) -> int:
        """Chunks of the first factor that a multiplier's port takes one after another."""
        return -(-self.first_bits // array.operand_bits)

    def second_passes(self, array: Array) -> int:
        """Chunks of the second factor."""
        return -(-self.second_bits // array.second_port_bits)

    def passes(self, array: Array) -> int:
        """How often the array runs through the whole product: each chunk meets each chunk."""
        return self.first_passes(array) * self.second_passes(array)

    def packed(self, array: Array) -> int:
        """Products along k that a cell computes at once, where it packs narrow operands."""
        if not array.packs:
            return 1
        first = array.operand_bits // self.first_bits
        return max(1, min(first, array.second_port_bits // self.second_bits))


def operands(call: Call) -> Operands:
    """Widths of a GEMM's factors. A constant weight is as wide as its values, and no wider than the datapath's."""
    first = call.inputs[0].bits
    if "weight" in call.constants:
        # A layer that was quantized to fewer bits than the datapath takes is stored and multiplied as it is.
        return Operands(
            first, min(call.datapath.mac.weight_bits_max, max(value_bits(call.constants["weight"]), 2)), True
        )
    return Operands(first, call.inputs[1].bits, False)
