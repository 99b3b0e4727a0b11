"""Tables over runs of bytes as functions of addresses, for AVX-512 with VBMI; `runs.py` says what they mean."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from bittrue.simulator.plan.finish_code import table_reader
from bittrue.simulator.plan.lanes_code import BYTE, CODES, COLUMNS, INT32, INT64, SUMS, TABLE, address, load


@intrinsic
def map_bytes(typing: Any, source: Any, target: Any, count: Any, table: Any) -> Any:
    """target[i] = table[source[i]] for i < count, from addresses; count >= 1."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        source, target, count, table = arguments
        mask_kind, word = ir.VectorType(ir.IntType(1), 64), ir.IntType(64)
        pointer = TABLE.as_pointer()
        masked_load = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(TABLE, [pointer, INT32, mask_kind, TABLE]), "llvm.masked.load.v64i8.p0"
        )
        store = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [TABLE, pointer, INT32, mask_kind]),
            "llvm.masked.store.v64i8.p0",
        )
        lookup = table_reader(builder, table)
        entry = builder.block
        loop, tail, rest, done = (builder.append_basic_block(name) for name in ("whole", "tail", "rest", "done"))
        whole = builder.and_(count, INT64(-64))
        builder.cbranch(builder.icmp_signed(">", whole, INT64(0)), loop, tail)
        builder.position_at_end(loop)
        at = builder.phi(INT64)
        at.add_incoming(INT64(0), entry)
        codes = load(builder, builder.add(source, at), TABLE)
        builder.store(lookup(codes), address(builder, builder.add(target, at), TABLE), align=1)
        following = builder.add(at, INT64(64))
        at.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", following, whole), loop, tail)
        builder.position_at_end(tail)
        left = builder.sub(count, whole)
        builder.cbranch(builder.icmp_signed(">", left, INT64(0)), rest, done)
        builder.position_at_end(rest)
        mask = builder.bitcast(builder.sub(builder.shl(word(1), left), word(1)), mask_kind)
        place = builder.inttoptr(builder.add(source, whole), pointer)
        codes = builder.call(masked_load, [place, INT32(1), mask, ir.Constant(TABLE, [0] * 64)])
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
        high, low = (builder.zext(load(builder, builder.add(base, at), CODES), SUMS) for base in (upper, lower))
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
