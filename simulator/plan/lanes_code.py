"""Types and small steps of the LLVM code that this folder emits. For authors of *_code.py."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

ROWS, COLUMNS, DEPTH = 8, 16, 4
"""Rows and columns of a tile, and bytes of K in one word."""
BYTE, INT32, INT64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
SUMS = ir.VectorType(INT32, COLUMNS)
CODES = ir.VectorType(BYTE, COLUMNS)
HALF = ir.VectorType(INT64, COLUMNS // 2)
TABLE = ir.VectorType(BYTE, 64)
WORDS = ir.VectorType(ir.IntType(16), 2 * COLUMNS)


def address(builder: ir.IRBuilder, base: ir.Value, kind: ir.Type) -> ir.Value:
    """A pointer to one `kind` from an integer."""
    return builder.inttoptr(base, kind.as_pointer())


def load(builder: ir.IRBuilder, base: ir.Value, kind: ir.Type, offset: int = 0) -> ir.Value:
    """What lies `offset` bytes behind an address, at any alignment."""
    return builder.load(address(builder, builder.add(base, INT64(offset)), kind), align=1)


def element(builder: ir.IRBuilder, base: ir.Value, index: ir.Value) -> ir.Value:
    """One int64 of an array."""
    return builder.load(builder.gep(address(builder, base, INT64), [index]))


def splat(builder: ir.IRBuilder, value: ir.Value, kind: ir.VectorType) -> ir.Value:
    """One value in every lane."""
    nothing = ir.Constant(kind, ir.Undefined)
    single = builder.insert_element(nothing, value, INT32(0))
    return builder.shuffle_vector(single, nothing, ir.Constant(ir.VectorType(INT32, kind.count), [0] * kind.count))


def part(builder: ir.IRBuilder, value: ir.Value, start: int, count: int) -> ir.Value:
    """`count` neighbouring lanes."""
    lanes = ir.Constant(ir.VectorType(INT32, count), list(range(start, start + count)))
    return builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), lanes)


def join(builder: ir.IRBuilder, parts: list[ir.Value]) -> ir.Value:
    """Equal vectors side by side; their number is a power of two."""
    while len(parts) > 1:
        lanes = ir.Constant(ir.VectorType(INT32, 2 * parts[0].type.count), list(range(2 * parts[0].type.count)))
        parts = [builder.shuffle_vector(a, b, lanes) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def either(builder: ir.IRBuilder, condition: ir.Value, then: Any, otherwise: Any) -> list[ir.Value]:
    """What `then()` makes where a condition holds, else what `otherwise()` makes: as many vectors each."""
    with builder.if_else(condition) as (holds, fails):
        with holds:
            first = then()
            after_first = builder.block
        with fails:
            second = otherwise()
            after_second = builder.block
    merged = []
    for a, b in zip(first, second, strict=True):
        phi = builder.phi(a.type)
        phi.add_incoming(a, after_first)
        phi.add_incoming(b, after_second)
        merged.append(phi)
    return merged
