"""LLVM code of the products of a tile: 8 rows by 16 columns of 8-bit dot products, or 16 channels of 8 pixels.

Emitted, not compiled from Python, because no loop vectorizer finds the instruction that multiplies 64 pairs of
bytes and adds each four to one of 16 int32 sums (vpdpbusd). Other processors get pairs of 16-bit products.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from bittrue.simulator.plan.lanes_code import (
    CODES,
    COLUMNS,
    DEPTH,
    INT32,
    INT64,
    ROWS,
    SUMS,
    TABLE,
    WORDS,
    element,
    join,
    load,
    part,
    splat,
)
from bittrue.simulator.plan.processor import vector_level


def _dot(builder: ir.IRBuilder, *, pairs: bool = False) -> Callable[[ir.Value, ir.Value, ir.Value], ir.Value]:
    """A function (sums, words of 4 unsigned bytes, words of 4 signed bytes) -> sums with their products added.

    pairs: words are two signed 16-bit numbers instead.
    """
    level = vector_level()
    if level == "vnni":
        kind = ir.FunctionType(SUMS, [SUMS, SUMS, SUMS])
        name = "vpdpwssd" if pairs else "vpdpbusd"
        instruction = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.avx512.{name}.512")
        return lambda sums, left, right: builder.call(instruction, [sums, left, right])
    multiply = _pair_products_avx2 if level == "avx2" else _pair_products

    def add(sums: ir.Value, left: ir.Value, right: ir.Value) -> ir.Value:
        if pairs:
            return builder.add(sums, multiply(builder, left, right))
        # Bytes 0 and 2 of a word are one pair of 16-bit numbers, 1 and 3 the other.
        byte, eight = ir.Constant(SUMS, [0x00FF00FF] * COLUMNS), ir.Constant(WORDS, [8] * 2 * COLUMNS)
        halves = builder.bitcast(right, WORDS)
        even = builder.bitcast(builder.ashr(builder.shl(halves, eight), eight), SUMS)
        odd = builder.bitcast(builder.ashr(halves, eight), SUMS)
        upper = builder.and_(builder.lshr(left, ir.Constant(SUMS, [8] * COLUMNS)), byte)
        first = multiply(builder, builder.and_(left, byte), even)
        return builder.add(builder.add(sums, first), multiply(builder, upper, odd))

    return add


def _pair_products(builder: ir.IRBuilder, left: ir.Value, right: ir.Value) -> ir.Value:
    """a0 * b0 + a1 * b1 of two signed 16-bit numbers in each of 16 words, on any processor."""
    sixteen = ir.Constant(SUMS, [16] * COLUMNS)

    def numbers(words: ir.Value) -> tuple[ir.Value, ir.Value]:
        return builder.ashr(builder.shl(words, sixteen), sixteen), builder.ashr(words, sixteen)

    (a0, a1), (b0, b1) = numbers(left), numbers(right)
    return builder.add(builder.mul(a0, b0), builder.mul(a1, b1))


def _pair_products_avx2(builder: ir.IRBuilder, left: ir.Value, right: ir.Value) -> ir.Value:
    """The same by an instruction (vpmaddwd) on each half."""
    eight, sixteen = ir.VectorType(INT32, 8), ir.VectorType(ir.IntType(16), 16)
    kind = ir.FunctionType(eight, [sixteen, sixteen])
    multiply = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx2.pmadd.wd")
    parts = []
    for start in (0, 8):
        operands = [builder.bitcast(part(builder, value, start, 8), sixteen) for value in (left, right)]
        parts.append(builder.call(multiply, operands))
    return join(builder, parts)


def dot_products(builder: ir.IRBuilder, arguments: Any, *, pairs: bool = False) -> list[ir.Value]:
    """The 8 vectors of sums; the builder stands behind the loops. Arguments as in `tile_sums`.

    pairs: words are two unsigned 16-bit numbers each, which count 2**15 less: then they are signed.
    """
    source, rows, segments, count, words, weight = arguments
    dot = _dot(builder, pairs=pairs)
    less = ir.Constant(SUMS, [-0x7FFF8000] * COLUMNS)  # flips the top bit of both
    entry = builder.block
    starts = [builder.add(source, element(builder, rows, INT64(r))) for r in range(ROWS)]
    length = builder.mul(words, INT64(DEPTH))
    outer, inner, step, done = (builder.append_basic_block(name) for name in ("segment", "word", "next", "done"))
    builder.branch(outer)

    def begin(block: ir.Block, kind: ir.Type, before: ir.Value, came_from: ir.Block) -> ir.PhiInstr:
        phi = builder.phi(kind)
        phi.add_incoming(before, came_from)
        return phi

    builder.position_at_end(outer)
    zero = ir.Constant(SUMS, [0] * COLUMNS)
    index = begin(outer, INT64, INT64(0), entry)
    segment_weight = begin(outer, INT64, weight, entry)
    segment_sums = [begin(outer, SUMS, zero, entry) for _ in range(ROWS)]
    first = element(builder, segments, index)
    end = builder.add(first, length)
    builder.branch(inner)

    builder.position_at_end(inner)
    at = begin(inner, INT64, first, outer)
    word_weight = begin(inner, INT64, segment_weight, outer)
    sums = [begin(inner, SUMS, before, outer) for before in segment_sums]
    columns = load(builder, word_weight, SUMS)
    added = []
    for start, before in zip(starts, sums, strict=True):
        word = splat(builder, load(builder, builder.add(start, at), INT32), SUMS)
        added.append(dot(before, builder.xor(word, less) if pairs else word, columns))
    following, weight_after = builder.add(at, INT64(DEPTH)), builder.add(word_weight, INT64(DEPTH * COLUMNS))
    for phi, value in zip([at, word_weight, *sums], [following, weight_after, *added], strict=True):
        phi.add_incoming(value, inner)
    builder.cbranch(builder.icmp_signed("<", following, end), inner, step)

    builder.position_at_end(step)
    next_index = builder.add(index, INT64(1))
    for phi, value in zip([index, segment_weight, *segment_sums], [next_index, weight_after, *added], strict=True):
        phi.add_incoming(value, step)
    builder.cbranch(builder.icmp_signed("<", next_index, count), outer, done)
    builder.position_at_end(done)
    return added


def depthwise_products(builder: ir.IRBuilder, arguments: Any) -> list[ir.Value]:
    """8 vectors of sums, one channel a lane; the builder stands behind the loop. Arguments as in `depthwise_codes`.

    Four taps of 16 channels stand behind each other in one register and are then interleaved, channel by channel.
    """
    source, rows, taps, groups, weight = arguments
    dot = _dot(builder)
    interleave = ir.Constant(
        ir.VectorType(INT32, 64), [16 * tap + lane for lane in range(COLUMNS) for tap in range(DEPTH)]
    )
    entry = builder.block
    starts = [builder.add(source, element(builder, rows, INT64(r))) for r in range(ROWS)]
    loop, done = (builder.append_basic_block(name) for name in ("taps", "done"))
    builder.branch(loop)
    builder.position_at_end(loop)
    group, sums = builder.phi(INT64), [builder.phi(SUMS) for _ in range(ROWS)]
    group.add_incoming(INT64(0), entry)
    for phi in sums:
        phi.add_incoming(ir.Constant(SUMS, [0] * COLUMNS), entry)
    first = builder.mul(group, INT64(DEPTH))
    places = [element(builder, taps, builder.add(first, INT64(tap))) for tap in range(DEPTH)]
    weights = load(builder, builder.add(weight, builder.mul(group, INT64(64))), SUMS)
    added = []
    for start, before in zip(starts, sums, strict=True):
        bytes_ = join(builder, [load(builder, builder.add(start, place), CODES) for place in places])
        mixed = builder.shuffle_vector(bytes_, ir.Constant(TABLE, ir.Undefined), interleave)
        added.append(dot(before, builder.bitcast(mixed, SUMS), weights))
    following = builder.add(group, INT64(1))
    for phi, value in zip([group, *sums], [following, *added], strict=True):
        phi.add_incoming(value, loop)
    builder.cbranch(builder.icmp_signed("<", following, groups), loop, done)
    builder.position_at_end(done)
    return added
