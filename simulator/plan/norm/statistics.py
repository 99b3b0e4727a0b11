"""What the statistics of a row make of each of its codes, for the kinds of norm unit that end in gamma and beta.

    normalized = round_shift((factor * code - mean) * scale, shift)

`row_scale` gives factor, mean, scale and shift from the sum and the sum of squares of the codes: those of
simulator/units/norm, in closed form. Registers that wrap do so once at the end, which leaves the same bits as
after every addition.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import Integer, wrap
from bittrue.simulator.jit import inlined_jit, jit
from bittrue.simulator.units.norm.centred import rounded_quotient
from bittrue.simulator.units.norm.ivit import stepped_root
from bittrue.simulator.units.norm.rsqrt_table import half_exponent, newton

EXACT, RSQRT_TABLE, IBERT, IVIT = 0, 1, 2, 3
KINDS = {"exact": EXACT, "rsqrt_table": RSQRT_TABLE, "ibert": IBERT, "ivit": IVIT}
"""The small integers by which `row_scale` knows the kinds."""
ROW_MAX = 32768
"""Of so many bytes the sum of squares fits 32 bits."""

Integers = NDArray[np.int64]


@inlined_jit
def byte_sums(row: NDArray[np.integer]) -> tuple[Integer, Integer]:
    """The sum and the sum of squares of at most ROW_MAX unsigned bytes."""
    total, squares = np.int32(0), np.int32(0)
    for i in range(row.size):
        value = np.int32(row[i])
        total = np.int32(total + value)
        squares = np.int32(squares + np.int32(value * value))
    return np.int64(total), np.int64(squares)


@inlined_jit
def word_sums(row: NDArray[np.integer]) -> tuple[Integer, Integer]:
    """The sum and the sum of squares of at most 2**31 numbers of 16 bits."""
    total, squares = np.int64(0), np.int64(0)
    for i in range(row.size):
        value = np.int64(row[i])
        total += value
        squares += value * value
    return total, squares


@jit
def code_sums(n: int, total: Integer, squares: Integer, offset: int) -> tuple[Integer, Integer]:
    """The sums of n codes that, stored as code + offset, have these sums."""
    return total - n * offset, squares - 2 * offset * total + n * offset * offset


@jit
def floor_root(value: Integer) -> Integer:
    """floor(sqrt(value)) for 0 <= value < 2**62: the float root is off by at most one, which the squares tell."""
    root = np.int64(np.sqrt(np.float64(value)))
    while root * root > value:
        root -= 1
    while (root + 1) * (root + 1) <= value:
        root += 1
    return root


@inlined_jit
def row_scale(
    kind: int, n: int, total: Integer, squares: Integer, registers: Integers, constants: Integers, table: Integers
) -> tuple[Integer, Integer, Integer, Integer]:
    """factor, mean, scale and shift of a row of n codes with these exact sums.

    registers: bits of the sum and of the sum of squares where they wrap, 0 where they are proved. constants: as
    `bind.constants_of` lists them by kind. table: of kind RSQRT_TABLE.
    """
    held = wrap(total, registers[0]) if registers[0] > 0 else total
    if kind in (IBERT, IVIT):
        mean, fraction_bits = rounded_quotient(held, n, constants[1]), constants[0]
        centred = squares - 2 * mean * total + n * mean * mean
        if registers[1] > 0:
            centred = wrap(centred, registers[1])
        if kind == IBERT:
            root = max(np.int64(1), floor_root(max(np.int64(0), centred)))
            return np.int64(1), mean, (np.int64(1) << (fraction_bits + 1)) // root, np.int64(1)
        root = stepped_root(centred, constants[2], constants[3])
        return np.int64(1), mean, ((np.int64(1) << (fraction_bits + 1)) - 1) // root, np.int64(1)
    held_squares = wrap(squares, registers[1]) if registers[1] > 0 else squares
    variance = max(np.int64(1), n * held_squares - held * held + constants[1])
    if kind == EXACT:
        root_shift, reciprocal_bits = constants[2], constants[3]
        root = floor_root(variance << (2 * root_shift))
        return n, held, (np.int64(1) << reciprocal_bits) // root, reciprocal_bits - root_shift - constants[0]
    table_bits, estimate_bits, operand_bits = constants[2], constants[3], constants[4]
    exponent = half_exponent(variance)
    left = operand_bits - 2 * exponent
    operand = variance << max(left, 0) >> max(-left, 0)
    scale = table[(operand >> (operand_bits - table_bits)) - (np.int64(1) << table_bits)]
    for _ in range(constants[5]):
        scale = newton(scale, operand, estimate_bits, operand_bits)
    return n, held, scale, estimate_bits + exponent - constants[0]
