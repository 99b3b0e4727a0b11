"""LLVM code behind the products, for AVX-512: requantization, the table that follows, and the store."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from bittrue.simulator.plan.lanes_code import (
    BYTE,
    COLUMNS,
    HALF,
    INT32,
    INT64,
    ROWS,
    SUMS,
    TABLE,
    WORDS,
    either,
    element,
    load,
    part,
    splat,
)


def placed_sums(builder: ir.IRBuilder, sums: list[ir.Value], constants: Any, unused: ir.Value) -> list[ir.Value]:
    """What the requantizer has before its clamp, int32, a vector a row; arguments as in `tile_codes`.

    Even and odd lanes are scaled apart, each in the 64 bits that they share: the product of the low halves needs no
    widening. What leaves the shift fits 32 bits, so that both go back into one register.
    """
    correction, multiplier, offset, shift, zero = constants
    corrections = load(builder, correction, SUMS)
    biased = [builder.add(value, corrections) for value in sums]
    spare = splat(builder, builder.trunc(unused, INT32), SUMS)
    kept = either(
        builder,
        builder.icmp_signed("!=", unused, INT64(0)),
        lambda: [builder.ashr(builder.shl(value, spare), spare) for value in biased],
        lambda: biased,
    )
    multipliers, offsets = _halves(builder, load(builder, multiplier, SUMS)), _by_parity(builder, offset)
    shifts, half = _by_parity(builder, shift), ir.Constant(HALF, [32] * 8)
    zeros = load(builder, zero, SUMS)
    blend = ir.Constant(
        ir.VectorType(INT32, COLUMNS), [lane if lane % 2 == 0 else COLUMNS + lane for lane in range(16)]
    )
    placed = []
    for value in kept:
        even, odd = (
            builder.ashr(builder.add(builder.mul(lanes, m), o), s)
            for lanes, m, o, s in zip(_halves(builder, value), multipliers, offsets, shifts, strict=True)
        )
        both = builder.bitcast(even, SUMS), builder.bitcast(builder.shl(odd, half), SUMS)
        placed.append(builder.add(builder.shuffle_vector(*both, blend), zeros))
    return placed


def _requantized(builder: ir.IRBuilder, sums: list[ir.Value], constants: Any, limits: Any) -> list[ir.Value]:
    """2 vectors of 64 output bytes, 4 rows in each; arguments as in `tile_codes`."""
    low, high, unused = limits
    placed = placed_sums(builder, sums, constants, unused)
    lowest, highest = (splat(builder, builder.trunc(limit, BYTE), TABLE) for limit in (low, high))
    codes = []
    for start in range(0, ROWS, 4):
        packed = packed_rows(builder, placed[start : start + 4])
        above = builder.select(builder.icmp_unsigned("<", packed, lowest), lowest, packed)
        codes.append(builder.select(builder.icmp_unsigned(">", above, highest), highest, above))
    return codes


def _halves(builder: ir.IRBuilder, value: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Even and odd int32 lanes, each sign-extended in its 64 bits."""
    wide, half = builder.bitcast(value, HALF), ir.Constant(HALF, [32] * 8)
    return builder.ashr(builder.shl(wide, half), half), builder.ashr(wide, half)


def _by_parity(builder: ir.IRBuilder, base: ir.Value) -> tuple[ir.Value, ir.Value]:
    """The even and the odd ones of 16 int64 in memory."""
    both = [load(builder, base, HALF, offset) for offset in (0, 64)]
    lanes = [ir.Constant(ir.VectorType(INT32, 8), list(range(parity, 16, 2))) for parity in (0, 1)]
    return builder.shuffle_vector(*both, lanes[0]), builder.shuffle_vector(*both, lanes[1])


def packed_rows(builder: ir.IRBuilder, rows: list[ir.Value]) -> ir.Value:
    """4 rows of int32 as 64 bytes, row by row, each limited to 0..255 (first to 16 signed bits: the same limit)."""
    narrow = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(WORDS, [SUMS, SUMS]), "llvm.x86.avx512.packssdw.512"
    )
    narrower = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(TABLE, [WORDS, WORDS]), "llvm.x86.avx512.packuswb.512"
    )
    pairs = [builder.call(narrow, rows[:2]), builder.call(narrow, rows[2:])]
    mixed = builder.bitcast(builder.call(narrower, pairs), SUMS)
    # Packing works in blocks of 128 bits: four columns of each row stand together.
    lanes = ir.Constant(ir.VectorType(INT32, COLUMNS), [4 * block + row for row in range(4) for block in range(4)])
    return builder.bitcast(builder.shuffle_vector(mixed, ir.Constant(SUMS, ir.Undefined), lanes), TABLE)


def table_reader(builder: ir.IRBuilder, table: ir.Value) -> Any:
    """A function from 64 bytes to their entries: two reads of 128 entries, and the code's top bit chooses."""
    kind = ir.FunctionType(TABLE, [TABLE, TABLE, TABLE])
    permute = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.vpermi2var.qi.512")
    quarters = [load(builder, table, TABLE, 64 * quarter) for quarter in range(4)]

    def read(index: ir.Value) -> ir.Value:
        lower = builder.call(permute, [quarters[0], index, quarters[1]])
        upper = builder.call(permute, [quarters[2], index, quarters[3]])
        return builder.select(builder.icmp_signed("<", index, ir.Constant(TABLE, [0] * 64)), upper, lower)

    return read


def _looked_up(builder: ir.IRBuilder, codes: list[ir.Value], table: ir.Value) -> list[ir.Value]:
    """table[code] of every byte."""
    read = table_reader(builder, table)
    return [read(index) for index in codes]


def finished(builder: ir.IRBuilder, sums: list[ir.Value], arguments: Any) -> None:
    """Requantize, look up and store; arguments as `tile_codes` has them from `correction` on."""
    table, target, rows, mask = arguments[8:]
    codes = _requantized(builder, sums, arguments[:5], arguments[5:8])
    some = builder.icmp_signed("!=", table, INT64(0))
    codes = either(builder, some, lambda: _looked_up(builder, codes, table), lambda: codes)
    store_codes(builder, codes, target, rows, mask)


def store_codes(builder: ir.IRBuilder, codes: list[ir.Value], target: ir.Value, rows: ir.Value, mask: ir.Value) -> None:
    """2 vectors of 64 bytes, 4 rows in each, to where each row goes; a bit of the mask for each column stored."""
    parts = [part(builder, value, 16 * r, COLUMNS) for value in codes for r in range(4)]
    store_rows(builder, parts, target, rows, INT64(1), mask)


def store_rows(
    builder: ir.IRBuilder, parts: list[ir.Value], target: ir.Value, rows: ir.Value, size: ir.Constant, mask: ir.Value
) -> None:
    """Vectors of 16 numbers of `size` bytes; plain stores where the tile is full: masked ones take a fifth longer."""
    kind, bits = parts[0].type, ir.VectorType(ir.IntType(1), COLUMNS)
    wanted = builder.bitcast(builder.trunc(mask, ir.IntType(COLUMNS)), bits)
    pointer = kind.as_pointer()
    masked = ir.FunctionType(ir.VoidType(), [kind, pointer, INT32, bits])
    name = f"llvm.masked.store.v{COLUMNS}i{kind.element.width}.p0"
    masked_store = cgutils.get_or_insert_function(builder.module, masked, name)
    places = [
        builder.inttoptr(builder.add(target, builder.mul(element(builder, rows, INT64(r)), size)), pointer)
        for r in range(len(parts))
    ]
    with builder.if_else(builder.icmp_signed("==", mask, INT64((1 << COLUMNS) - 1))) as (full, partial):
        with full:
            for value, place in zip(parts, places, strict=True):
                builder.store(value, place, align=1)
        with partial:
            for value, place in zip(parts, places, strict=True):
                builder.call(masked_store, [value, place, INT32(1), wanted])
