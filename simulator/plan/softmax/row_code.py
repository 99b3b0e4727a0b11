"""LLVM code of rows of bytes for processors with AVX-512 VBMI: extremes, and tables by the distance to the largest.

Emitted because no loop vectorizer reads a table in registers (vpermi2b). `rows.py` says what the functions mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

BYTE, WORD, INT32, INT64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
BYTES, WORDS, SUMS = ir.VectorType(BYTE, 64), ir.VectorType(WORD, 32), ir.VectorType(INT64, 8)
LANES = ir.VectorType(ir.IntType(1), 64)
NO_BYTES, NO_SUMS = ir.Constant(BYTES, [0] * 64), ir.Constant(SUMS, [0] * 8)
BY_BLOCKS = [8 * quad + byte for quad in (0, 4, 1, 5, 2, 6, 3, 7) for byte in range(8)]
"""Bytes in the order in which `interleaved`, which works in blocks of 128 bits, puts them back in line."""

Visit = Callable[[ir.Value, ir.Value | None, Sequence[ir.Value]], Sequence[ir.Value]]


def call(builder: ir.IRBuilder, name: str, result: ir.Type, *arguments: ir.Value) -> ir.Value:
    """What LLVM's intrinsic function `name` gives, a `result`."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}"), arguments)


def splat(builder: ir.IRBuilder, value: ir.Value, kind: ir.VectorType) -> ir.Value:
    """One value, cut to an element of `kind`, in every lane."""
    nothing = ir.Constant(kind, ir.Undefined)
    single = builder.insert_element(nothing, builder.trunc(value, kind.element), INT32(0))
    return shuffled(builder, single, nothing, [0] * kind.count)


def shuffled(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, lanes: Sequence[int]) -> ir.Value:
    """Lanes of two vectors, those of the second behind those of the first."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(INT32, len(lanes)), list(lanes)))


def _address(builder: ir.IRBuilder, base: ir.Value, offset: ir.Value, kind: ir.Type) -> ir.Value:
    return builder.inttoptr(builder.add(base, offset), kind.as_pointer())


def _load(builder: ir.IRBuilder, base: ir.Value, offset: ir.Value, lanes: ir.Value | None, fill: ir.Value) -> ir.Value:
    """A vector like `fill`, which stands where `lanes` (None: all) are off."""
    place = _address(builder, base, offset, fill.type)
    if lanes is None:
        return builder.load(place, align=1)
    return call(builder, "masked.load.v64i8.p0", fill.type, place, INT32(1), lanes, fill)


def _store(builder: ir.IRBuilder, value: ir.Value, base: ir.Value, offset: ir.Value, lanes: ir.Value | None) -> None:
    place, kind = _address(builder, base, offset, value.type), value.type
    if lanes is None:
        builder.store(value, place, align=1)
    else:
        name = f"masked.store.v{kind.count}i{kind.element.width}.p0"
        call(builder, name, ir.VoidType(), value, place, INT32(1), lanes)


def over_row(builder: ir.IRBuilder, n: ir.Value, state: Sequence[ir.Value], visit: Visit) -> list[ir.Value]:
    """visit(offset, lanes, state) -> state for every 64 bytes of a row of n, lanes None; then for the rest, masked."""
    entry, whole = builder.block, builder.and_(n, INT64(-64))
    head, body, behind, rest, done = (
        builder.append_basic_block(name) for name in ("head", "body", "behind", "rest", "done")
    )
    builder.branch(head)
    builder.position_at_end(head)
    at = builder.phi(INT64)
    at.add_incoming(INT64(0), entry)
    before = [builder.phi(value.type) for value in state]
    for phi, value in zip(before, state, strict=True):
        phi.add_incoming(value, entry)
    builder.cbranch(builder.icmp_signed("<", at, whole), body, behind)
    builder.position_at_end(body)
    after = visit(at, None, before)
    for phi, value in zip([at, *before], [builder.add(at, INT64(64)), *after], strict=True):
        phi.add_incoming(value, body)
    builder.branch(head)
    builder.position_at_end(behind)
    builder.cbranch(builder.icmp_signed("<", whole, n), rest, done)
    builder.position_at_end(rest)
    bits = builder.sub(builder.shl(INT64(1), builder.sub(n, whole)), INT64(1))
    last = visit(whole, builder.bitcast(bits, LANES), before)
    builder.branch(done)
    builder.position_at_end(done)
    final = [builder.phi(value.type) for value in state]
    for phi, first, second in zip(final, before, last, strict=True):
        phi.add_incoming(first, behind)
        phi.add_incoming(second, rest)
    return final


def table_at(builder: ir.IRBuilder, table: ir.Value) -> list[ir.Value]:
    """256 bytes in memory."""
    return [_load(builder, table, INT64(64 * quarter), None, NO_BYTES) for quarter in range(4)]


def _halved(builder: ir.IRBuilder, entries: ir.Value, shift: int) -> list[ir.Value]:
    """The low bytes of 256 words in memory, or with shift 8 the high ones."""
    found = []
    for quarter in range(4):
        halves = []
        for half in range(2):
            words = _load(builder, entries, INT64(128 * quarter + 64 * half), None, ir.Constant(WORDS, [0] * 32))
            shifted = builder.lshr(words, ir.Constant(WORDS, [shift] * 32))
            halves.append(builder.trunc(shifted, ir.VectorType(BYTE, 32)))
        found.append(shuffled(builder, halves[0], halves[1], range(64)))
    return found


def looked_up(builder: ir.IRBuilder, quarters: Sequence[ir.Value], index: ir.Value) -> ir.Value:
    """table[index] of 64 bytes: two reads of 128 entries, and the top bit chooses."""
    name = "x86.avx512.vpermi2var.qi.512"
    lower = call(builder, name, BYTES, quarters[0], index, quarters[1])
    upper = call(builder, name, BYTES, quarters[2], index, quarters[3])
    return builder.select(builder.icmp_signed("<", index, NO_BYTES), upper, lower)


def distances(builder: ir.IRBuilder, peak: ir.Value, base: ir.Value, at: ir.Value, lanes: ir.Value | None) -> ir.Value:
    """How far 64 bytes lie below the largest, `peak`; 0 where lanes are off."""
    return builder.sub(peak, _load(builder, base, at, lanes, peak))


def interleaved(builder: ir.IRBuilder, low: ir.Value, high: ir.Value) -> list[ir.Value]:
    """Low and high bytes, in the order BY_BLOCKS, as twice 32 words in line."""
    found = []
    for half in range(2):
        lanes = [16 * block + 8 * half + i // 2 + 64 * (i % 2) for block in range(4) for i in range(16)]
        found.append(builder.bitcast(shuffled(builder, low, high, lanes), WORDS))
    return found


def store_words(
    builder: ir.IRBuilder, words: Sequence[ir.Value], target: ir.Value, at: ir.Value, lanes: ir.Value | None
) -> None:
    """Twice 32 words to the places of the elements that begin at `at`."""
    for half, value in enumerate(words):
        some = None if lanes is None else shuffled(builder, lanes, lanes, range(32 * half, 32 * half + 32))
        _store(builder, value, target, builder.shl(builder.add(at, INT64(32 * half)), INT64(1)), some)


def _largest(builder: ir.IRBuilder, source: ir.Value, n: ir.Value) -> ir.Value:
    def visit(at: ir.Value, lanes: ir.Value | None, state: Sequence[ir.Value]) -> list[ir.Value]:
        return [call(builder, "umax.v64i8", BYTES, state[0], _load(builder, source, at, lanes, NO_BYTES))]

    (found,) = over_row(builder, n, [NO_BYTES], visit)
    return call(builder, "vector.reduce.umax.v64i8", BYTE, found)


def table_sums(
    builder: ir.IRBuilder, source: ir.Value, n: ir.Value, peak: ir.Value, tables: Sequence[Sequence[ir.Value]]
) -> list[ir.Value]:
    """The sum over a row of what each table has at its distances, as 8 numbers to add up."""

    def visit(at: ir.Value, lanes: ir.Value | None, state: Sequence[ir.Value]) -> list[ir.Value]:
        index, after = distances(builder, peak, source, at, lanes), []
        for quarters, before in zip(tables, state, strict=True):
            found = looked_up(builder, quarters, index)
            if lanes is not None:
                found = builder.select(lanes, found, NO_BYTES)
            after.append(builder.add(before, call(builder, "x86.avx512.psad.bw.512", SUMS, found, NO_BYTES)))
        return after

    return over_row(builder, n, [NO_SUMS] * len(tables), visit)


@intrinsic
def largest_byte(typing: Any, source: Any, n: Any) -> Any:
    """The largest of n bytes at an address."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        return builder.zext(_largest(builder, *arguments), INT64)

    return types.int64(types.intp, types.intp), generate


@intrinsic
def smallest_byte(typing: Any, source: Any, n: Any) -> Any:
    """The smallest of n bytes at an address."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        source, n = arguments
        full = ir.Constant(BYTES, [255] * 64)

        def visit(at: ir.Value, lanes: ir.Value | None, state: Sequence[ir.Value]) -> list[ir.Value]:
            return [call(builder, "umin.v64i8", BYTES, state[0], _load(builder, source, at, lanes, full))]

        (found,) = over_row(builder, n, [full], visit)
        return builder.zext(call(builder, "vector.reduce.umin.v64i8", BYTE, found), INT64)

    return types.int64(types.intp, types.intp), generate


@intrinsic
def first_above(typing: Any, source: Any, n: Any, limit: Any) -> Any:
    """The index of the first of n bytes that is larger than a limit; n where none is."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        source, n, limit = arguments
        limits = splat(builder, limit, BYTES)

        def visit(at: ir.Value, lanes: ir.Value | None, state: Sequence[ir.Value]) -> list[ir.Value]:
            above = builder.icmp_unsigned(">", _load(builder, source, at, lanes, NO_BYTES), limits)
            bits = builder.bitcast(above, INT64)
            index = builder.add(at, call(builder, "cttz.i64", INT64, bits, ir.IntType(1)(0)))
            some = builder.icmp_unsigned("!=", bits, INT64(0))
            return [call(builder, "umin.i64", INT64, state[0], builder.select(some, index, n))]

        (found,) = over_row(builder, n, [n], visit)
        return found

    return types.int64(*[types.intp] * 3), generate


@intrinsic
def table_sum(typing: Any, source: Any, n: Any, largest: Any, table: Any) -> Any:
    """The sum of table[largest - byte] over n bytes; table: the address of 256 bytes."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        source, n, largest, table = arguments
        peak = splat(builder, largest, BYTES)
        (sums,) = table_sums(builder, source, n, peak, [table_at(builder, table)])
        return call(builder, "vector.reduce.add.v8i64", INT64, sums)

    return types.int64(*[types.intp] * 4), generate


@intrinsic
def map_to_bytes(typing: Any, source: Any, n: Any, largest: Any, entries: Any, target: Any) -> Any:
    """target[i] = the low byte of entries[largest - source[i]]; entries: the address of 256 words."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        source, n, largest, entries, target = arguments
        peak, low = splat(builder, largest, BYTES), _halved(builder, entries, 0)

        def visit(at: ir.Value, lanes: ir.Value | None, state: Sequence[ir.Value]) -> list[ir.Value]:
            _store(builder, looked_up(builder, low, distances(builder, peak, source, at, lanes)), target, at, lanes)
            return []

        over_row(builder, n, [], visit)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 5), generate


@intrinsic
def map_to_words(typing: Any, source: Any, n: Any, largest: Any, entries: Any, target: Any) -> Any:
    """target[i] = entries[largest - source[i]], words; entries: the address of 256 words."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        source, n, largest, entries, target = arguments
        peak = splat(builder, largest, BYTES)
        low, high = _halved(builder, entries, 0), _halved(builder, entries, 8)

        def visit(at: ir.Value, lanes: ir.Value | None, state: Sequence[ir.Value]) -> list[ir.Value]:
            index = distances(builder, peak, source, at, lanes)
            index = shuffled(builder, index, index, BY_BLOCKS)
            words = interleaved(builder, looked_up(builder, low, index), looked_up(builder, high, index))
            store_words(builder, words, target, at, lanes)
            return []

        over_row(builder, n, [], visit)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 5), generate
