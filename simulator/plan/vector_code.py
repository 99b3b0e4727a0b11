"""LLVM code of the fast machine's innermost loops for processors with AVX-512 VNNI; `tile.py` says what they mean.

Emitted, not compiled from Python, because no loop vectorizer finds the instruction that multiplies 64 pairs of
bytes and adds each four to one of 16 int32 sums (vpdpbusd), nor the one that reads 64 bytes from a table in
registers (vpermi2b).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from bittrue.simulator.plan.processor import vector_level

ROWS, COLUMNS, DEPTH = 8, 16, 4
"""Rows and columns of a tile, and bytes of K in one word."""
BYTE, INT32, INT64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
SUMS = ir.VectorType(INT32, COLUMNS)
CODES = ir.VectorType(BYTE, COLUMNS)
HALF = ir.VectorType(INT64, COLUMNS // 2)
TABLE = ir.VectorType(BYTE, 64)
WORDS = ir.VectorType(ir.IntType(16), 2 * COLUMNS)


def _address(builder: ir.IRBuilder, base: ir.Value, kind: ir.Type) -> ir.Value:
    return builder.inttoptr(base, kind.as_pointer())


def _load(builder: ir.IRBuilder, base: ir.Value, kind: ir.Type, offset: int = 0) -> ir.Value:
    return builder.load(_address(builder, builder.add(base, INT64(offset)), kind), align=1)


def _element(builder: ir.IRBuilder, base: ir.Value, index: ir.Value) -> ir.Value:
    """One int64 of an array."""
    return builder.load(builder.gep(_address(builder, base, INT64), [index]))


def _splat(builder: ir.IRBuilder, value: ir.Value, kind: ir.VectorType) -> ir.Value:
    nothing = ir.Constant(kind, ir.Undefined)
    single = builder.insert_element(nothing, value, INT32(0))
    return builder.shuffle_vector(single, nothing, ir.Constant(ir.VectorType(INT32, kind.count), [0] * kind.count))


def _part(builder: ir.IRBuilder, value: ir.Value, start: int, count: int) -> ir.Value:
    """`count` neighbouring lanes."""
    lanes = ir.Constant(ir.VectorType(INT32, count), list(range(start, start + count)))
    return builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), lanes)


def _join(builder: ir.IRBuilder, parts: list[ir.Value]) -> ir.Value:
    """Equal vectors side by side; their number is a power of two."""
    while len(parts) > 1:
        lanes = ir.Constant(ir.VectorType(INT32, 2 * parts[0].type.count), list(range(2 * parts[0].type.count)))
        parts = [builder.shuffle_vector(a, b, lanes) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


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
        operands = [builder.bitcast(_part(builder, value, start, 8), sixteen) for value in (left, right)]
        parts.append(builder.call(multiply, operands))
    return _join(builder, parts)


def _dot_products(builder: ir.IRBuilder, arguments: Any, *, pairs: bool = False) -> list[ir.Value]:
    """The 8 vectors of sums; the builder stands behind the loops. Arguments as in `tile_sums`.

    pairs: words are two unsigned 16-bit numbers each, which count 2**15 less: then they are signed.
    """
    source, rows, segments, count, words, weight = arguments
    dot = _dot(builder, pairs=pairs)
    less = ir.Constant(SUMS, [-0x7FFF8000] * COLUMNS)  # flips the top bit of both
    entry = builder.block
    starts = [builder.add(source, _element(builder, rows, INT64(r))) for r in range(ROWS)]
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
    first = _element(builder, segments, index)
    end = builder.add(first, length)
    builder.branch(inner)

    builder.position_at_end(inner)
    at = begin(inner, INT64, first, outer)
    word_weight = begin(inner, INT64, segment_weight, outer)
    sums = [begin(inner, SUMS, before, outer) for before in segment_sums]
    columns = _load(builder, word_weight, SUMS)
    added = []
    for start, before in zip(starts, sums, strict=True):
        word = _splat(builder, _load(builder, builder.add(start, at), INT32), SUMS)
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


def _depthwise_products(builder: ir.IRBuilder, arguments: Any) -> list[ir.Value]:
    """8 vectors of sums, one channel a lane; the builder stands behind the loop. Arguments as in `depthwise_codes`.

    Four taps of 16 channels stand behind each other in one register and are then interleaved, channel by channel.
    """
    source, rows, taps, groups, weight = arguments
    dot = _dot(builder)
    interleave = ir.Constant(
        ir.VectorType(INT32, 64), [16 * tap + lane for lane in range(COLUMNS) for tap in range(DEPTH)]
    )
    entry = builder.block
    starts = [builder.add(source, _element(builder, rows, INT64(r))) for r in range(ROWS)]
    loop, done = (builder.append_basic_block(name) for name in ("taps", "done"))
    builder.branch(loop)
    builder.position_at_end(loop)
    group, sums = builder.phi(INT64), [builder.phi(SUMS) for _ in range(ROWS)]
    group.add_incoming(INT64(0), entry)
    for phi in sums:
        phi.add_incoming(ir.Constant(SUMS, [0] * COLUMNS), entry)
    first = builder.mul(group, INT64(DEPTH))
    places = [_element(builder, taps, builder.add(first, INT64(tap))) for tap in range(DEPTH)]
    weights = _load(builder, builder.add(weight, builder.mul(group, INT64(64))), SUMS)
    added = []
    for start, before in zip(starts, sums, strict=True):
        bytes_ = _join(builder, [_load(builder, builder.add(start, place), CODES) for place in places])
        mixed = builder.shuffle_vector(bytes_, ir.Constant(TABLE, ir.Undefined), interleave)
        added.append(dot(before, builder.bitcast(mixed, SUMS), weights))
    following = builder.add(group, INT64(1))
    for phi, value in zip([group, *sums], [following, *added], strict=True):
        phi.add_incoming(value, loop)
    builder.cbranch(builder.icmp_signed("<", following, groups), loop, done)
    builder.position_at_end(done)
    return added


def _either(builder: ir.IRBuilder, condition: ir.Value, then: Any, otherwise: Any) -> list[ir.Value]:
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


def _requantized(builder: ir.IRBuilder, sums: list[ir.Value], constants: Any, limits: Any) -> list[ir.Value]:
    """2 vectors of 64 output bytes, 4 rows in each; arguments as in `tile_codes`.

    Even and odd lanes are scaled apart, each in the 64 bits that they share: the product of the low halves needs no
    widening. What leaves the shift fits 32 bits, so that both go back into one register.
    """
    correction, multiplier, offset, shift, zero = constants
    low, high, unused = limits
    corrections = _load(builder, correction, SUMS)
    biased = [builder.add(value, corrections) for value in sums]
    spare = _splat(builder, builder.trunc(unused, INT32), SUMS)
    kept = _either(
        builder,
        builder.icmp_signed("!=", unused, INT64(0)),
        lambda: [builder.ashr(builder.shl(value, spare), spare) for value in biased],
        lambda: biased,
    )
    multipliers, offsets = _halves(builder, _load(builder, multiplier, SUMS)), _by_parity(builder, offset)
    shifts, half = _by_parity(builder, shift), ir.Constant(HALF, [32] * 8)
    zeros = _load(builder, zero, SUMS)
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
    lowest, highest = (_splat(builder, builder.trunc(limit, BYTE), TABLE) for limit in (low, high))
    codes = []
    for start in range(0, ROWS, 4):
        packed = _packed(builder, placed[start : start + 4])
        above = builder.select(builder.icmp_unsigned("<", packed, lowest), lowest, packed)
        codes.append(builder.select(builder.icmp_unsigned(">", above, highest), highest, above))
    return codes


def _halves(builder: ir.IRBuilder, value: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Even and odd int32 lanes, each sign-extended in its 64 bits."""
    wide, half = builder.bitcast(value, HALF), ir.Constant(HALF, [32] * 8)
    return builder.ashr(builder.shl(wide, half), half), builder.ashr(wide, half)


def _by_parity(builder: ir.IRBuilder, base: ir.Value) -> tuple[ir.Value, ir.Value]:
    """The even and the odd ones of 16 int64 in memory."""
    both = [_load(builder, base, HALF, offset) for offset in (0, 64)]
    lanes = [ir.Constant(ir.VectorType(INT32, 8), list(range(parity, 16, 2))) for parity in (0, 1)]
    return builder.shuffle_vector(*both, lanes[0]), builder.shuffle_vector(*both, lanes[1])


def _packed(builder: ir.IRBuilder, rows: list[ir.Value]) -> ir.Value:
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


def _reader(builder: ir.IRBuilder, table: ir.Value) -> Any:
    """A function from 64 bytes to their entries: two reads of 128 entries, and the code's top bit chooses."""
    kind = ir.FunctionType(TABLE, [TABLE, TABLE, TABLE])
    permute = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.vpermi2var.qi.512")
    quarters = [_load(builder, table, TABLE, 64 * quarter) for quarter in range(4)]

    def read(index: ir.Value) -> ir.Value:
        lower = builder.call(permute, [quarters[0], index, quarters[1]])
        upper = builder.call(permute, [quarters[2], index, quarters[3]])
        return builder.select(builder.icmp_signed("<", index, ir.Constant(TABLE, [0] * 64)), upper, lower)

    return read


def _looked_up(builder: ir.IRBuilder, codes: list[ir.Value], table: ir.Value) -> list[ir.Value]:
    """table[code] of every byte."""
    read = _reader(builder, table)
    return [read(index) for index in codes]


def _finished(builder: ir.IRBuilder, sums: list[ir.Value], arguments: Any) -> None:
    """Requantize, look up and store; arguments as `tile_codes` has them from `correction` on."""
    table, target, rows, mask = arguments[8:]
    codes = _requantized(builder, sums, arguments[:5], arguments[5:8])
    some = builder.icmp_signed("!=", table, INT64(0))
    codes = _either(builder, some, lambda: _looked_up(builder, codes, table), lambda: codes)
    parts = [_part(builder, value, 16 * r, 16) for value in codes for r in range(4)]
    _store_codes(builder, parts, target, rows, mask)


def _store_codes(
    builder: ir.IRBuilder, codes: list[ir.Value], target: ir.Value, rows: ir.Value, mask: ir.Value
) -> None:
    """Plain stores where the tile is full: masked ones take a fifth longer."""
    bits = builder.bitcast(builder.trunc(mask, ir.IntType(COLUMNS)), ir.VectorType(ir.IntType(1), COLUMNS))
    pointer = CODES.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [CODES, pointer, INT32, bits.type])
    masked_store = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.store.v16i8.p0")
    places = [
        builder.inttoptr(builder.add(target, _element(builder, rows, INT64(r))), pointer) for r in range(len(codes))
    ]
    with builder.if_else(builder.icmp_signed("==", mask, INT64((1 << COLUMNS) - 1))) as (full, partial):
        with full:
            for value, place in zip(codes, places, strict=True):
                builder.store(value, place, align=1)
        with partial:
            for value, place in zip(codes, places, strict=True):
                builder.call(masked_store, [value, place, INT32(1), bits])


@intrinsic
def tile_sums(
    typing: Any, source: Any, rows: Any, segments: Any, count: Any, words: Any, weight: Any, sums: Any, pitch: Any
) -> Any:
    """Addresses of bytes, 8 row offsets, `count` segment offsets, weights; sums are stored `pitch` bytes apart."""
    return types.void(*[types.intp] * 8), _storing(pairs=False)


@intrinsic
def pair_sums(
    typing: Any, source: Any, rows: Any, segments: Any, count: Any, words: Any, weight: Any, sums: Any, pitch: Any
) -> Any:
    """`tile_sums` of words of two unsigned 16-bit numbers, which count 2**15 less, by words of two signed ones."""
    return types.void(*[types.intp] * 8), _storing(pairs=True)


def _storing(*, pairs: bool) -> Callable[..., Any]:
    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        *operands, target, pitch = arguments
        for value in _dot_products(builder, operands, pairs=pairs):
            builder.store(value, _address(builder, target, SUMS), align=4)
            target = builder.add(target, pitch)
        return context.get_dummy_value()

    return generate


@intrinsic
def tile_codes(
    typing: Any,
    source: Any,
    rows: Any,
    segments: Any,
    count: Any,
    words: Any,
    weight: Any,
    pairs: Any,
    correction: Any,
    multiplier: Any,
    offset: Any,
    shift: Any,
    zero: Any,
    low: Any,
    high: Any,
    unused: Any,
    table: Any,
    target: Any,
    target_rows: Any,
    mask: Any,
) -> Any:
    """Addresses as in `tile_sums` and of the column constants; mask: a bit for each column stored.

    pairs: 0 for bytes, 1 for words of two unsigned 16-bit numbers; table: 256 bytes, 0 for none.
    """

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        operands, pairs, rest = arguments[:6], arguments[6], arguments[7:]
        sums = _either(
            builder,
            builder.icmp_signed("!=", pairs, INT64(0)),
            lambda: _dot_products(builder, operands, pairs=True),
            lambda: _dot_products(builder, operands),
        )
        _finished(builder, sums, rest)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 19), generate


@intrinsic
def depthwise_codes(
    typing: Any,
    source: Any,
    rows: Any,
    taps: Any,
    groups: Any,
    weight: Any,
    correction: Any,
    multiplier: Any,
    offset: Any,
    shift: Any,
    zero: Any,
    low: Any,
    high: Any,
    unused: Any,
    table: Any,
    target: Any,
    target_rows: Any,
    mask: Any,
) -> Any:
    """As `tile_codes`, for 16 channels of 8 pixels: taps [4 * groups] offsets, weight [groups, 16, 4]."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        _finished(builder, _depthwise_products(builder, arguments[:5]), arguments[5:])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 17), generate


@intrinsic
def depthwise_sums(
    typing: Any, source: Any, rows: Any, taps: Any, groups: Any, weight: Any, sums: Any, pitch: Any
) -> Any:
    """The sums of `depthwise_codes`, stored `pitch` bytes apart."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        *operands, target, pitch = arguments
        for value in _depthwise_products(builder, operands):
            builder.store(value, _address(builder, target, SUMS), align=4)
            target = builder.add(target, pitch)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 7), generate


@intrinsic
def map_bytes(typing: Any, source: Any, target: Any, count: Any, table: Any) -> Any:
    """target[i] = table[source[i]] for i < count, from addresses; count >= 1."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        source, target, count, table = arguments
        mask_kind, word = ir.VectorType(ir.IntType(1), 64), ir.IntType(64)
        pointer = TABLE.as_pointer()
        load = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(TABLE, [pointer, INT32, mask_kind, TABLE]), "llvm.masked.load.v64i8.p0"
        )
        store = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [TABLE, pointer, INT32, mask_kind]),
            "llvm.masked.store.v64i8.p0",
        )
        lookup = _reader(builder, table)
        entry = builder.block
        loop, tail, rest, done = (builder.append_basic_block(name) for name in ("whole", "tail", "rest", "done"))
        whole = builder.and_(count, INT64(-64))
        builder.cbranch(builder.icmp_signed(">", whole, INT64(0)), loop, tail)
        builder.position_at_end(loop)
        at = builder.phi(INT64)
        at.add_incoming(INT64(0), entry)
        codes = _load(builder, builder.add(source, at), TABLE)
        builder.store(lookup(codes), _address(builder, builder.add(target, at), TABLE), align=1)
        following = builder.add(at, INT64(64))
        at.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", following, whole), loop, tail)
        builder.position_at_end(tail)
        left = builder.sub(count, whole)
        builder.cbranch(builder.icmp_signed(">", left, INT64(0)), rest, done)
        builder.position_at_end(rest)
        mask = builder.bitcast(builder.sub(builder.shl(word(1), left), word(1)), mask_kind)
        place = builder.inttoptr(builder.add(source, whole), pointer)
        codes = builder.call(load, [place, INT32(1), mask, ir.Constant(TABLE, [0] * 64)])
        place = builder.inttoptr(builder.add(target, whole), pointer)
        builder.call(store, [lookup(codes), place, INT32(1), mask])
        builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 4), generate


@intrinsic
def map_pairs(typing: Any, upper: Any, lower: Any, target: Any, count: Any, table: Any) -> Any:
    """target[i] = table[256 * upper[i] + lower[i]] for i < count, from addresses; 16 entries are gathered at once.

    Reads up to 15 bytes behind either operand and 3 behind the table's last entry.
    """

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        upper, lower, target, count, table = arguments
        bits, pointer = ir.VectorType(ir.IntType(1), COLUMNS), BYTE.as_pointer()
        gather = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(SUMS, [SUMS, pointer, SUMS, bits, INT32]),
            "llvm.x86.avx512.mask.gather.dpi.512",
        )
        store = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [CODES, CODES.as_pointer(), INT32, bits]),
            "llvm.masked.store.v16i8.p0",
        )
        eight, everywhere = ir.Constant(SUMS, [8] * COLUMNS), ir.Constant(bits, [1] * COLUMNS)
        entry = builder.block
        loop, done = (builder.append_basic_block(name) for name in ("pairs", "done"))
        builder.cbranch(builder.icmp_signed(">", count, INT64(0)), loop, done)
        builder.position_at_end(loop)
        at = builder.phi(INT64)
        at.add_incoming(INT64(0), entry)
        high, low = (builder.zext(_load(builder, builder.add(base, at), CODES), SUMS) for base in (upper, lower))
        index = builder.or_(builder.shl(high, eight), low)
        nothing = ir.Constant(SUMS, [0] * COLUMNS)
        found = builder.call(gather, [nothing, builder.inttoptr(table, pointer), index, everywhere, INT32(1)])
        left = builder.sub(count, at)
        full = builder.icmp_signed(">=", left, INT64(COLUMNS))
        kept = builder.select(full, INT64(0xFFFF), builder.sub(builder.shl(INT64(1), left), INT64(1)))
        mask = builder.bitcast(builder.trunc(kept, ir.IntType(COLUMNS)), bits)
        place = builder.inttoptr(builder.add(target, at), CODES.as_pointer())
        builder.call(store, [builder.trunc(found, CODES), place, INT32(1), mask])
        following = builder.add(at, INT64(COLUMNS))
        at.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", following, count), loop, done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 5), generate
