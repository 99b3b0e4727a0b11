"""LLVM code of tiles whose codes have 9 to 16 bits, for AVX-512: stored as words, or interpolated into bytes.

`words_tile.py` says what the functions mean.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from bittrue.simulator.plan.finish_code import packed_rows, placed_sums, store_codes, store_rows
from bittrue.simulator.plan.lanes_code import BYTE, COLUMNS, INT32, INT64, ROWS, SUMS, element, load, splat
from bittrue.simulator.plan.products_code import depthwise_products, dot_products

WORD_CODES = ir.VectorType(ir.IntType(16), COLUMNS)


def _limited(builder: ir.IRBuilder, sums: list[ir.Value], arguments: Any) -> list[ir.Value]:
    """Codes, int32, a vector a row; arguments as in `tile_words` from `correction` to `unused`."""
    *constants, low, high, unused = arguments
    lowest, highest = (splat(builder, builder.trunc(limit, INT32), SUMS) for limit in (low, high))
    found = []
    for placed in placed_sums(builder, sums, constants, unused):
        above = builder.select(builder.icmp_signed(">", placed, lowest), placed, lowest)
        found.append(builder.select(builder.icmp_signed("<", above, highest), above, highest))
    return found


def _interpolated(builder: ir.IRBuilder, codes: list[ir.Value], low: ir.Value, arguments: Any) -> list[ir.Value]:
    """2 vectors of 64 bytes from 8 of int32 codes; arguments as in `tile_curve` from `entries` to `rule`.

    An entry's two numbers are weighted by one instruction (vpdpwssd), whose factors are 2**step - rest and rest.
    """
    entries, firsts, rule = arguments
    pointer, bits = BYTE.as_pointer(), ir.VectorType(ir.IntType(1), COLUMNS)
    gather = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(SUMS, [SUMS, pointer, SUMS, bits, INT32]),
        "llvm.x86.avx512.mask.gather.dpi.512",
    )
    weigh = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(SUMS, [SUMS, SUMS, SUMS]), "llvm.x86.avx512.vpdpwssd.512"
    )
    step, rounding, shift = (
        splat(builder, builder.trunc(element(builder, rule, INT64(index)), INT32), SUMS) for index in range(3)
    )
    lowest, first = splat(builder, builder.trunc(low, INT32), SUMS), load(builder, firsts, SUMS)
    one, sixteen = ir.Constant(SUMS, [1] * COLUMNS), ir.Constant(SUMS, [16] * COLUMNS)
    width = builder.shl(one, step)
    rests, base = builder.sub(width, one), builder.inttoptr(entries, pointer)
    everywhere, nothing = ir.Constant(bits, [1] * COLUMNS), ir.Constant(SUMS, [0] * COLUMNS)
    found = []
    for code in codes:
        distance = builder.sub(code, lowest)
        index = builder.add(builder.lshr(distance, step), first)
        pair = builder.call(gather, [nothing, base, index, everywhere, INT32(4)])
        rest = builder.and_(distance, rests)
        factors = builder.add(builder.sub(builder.shl(rest, sixteen), rest), width)
        found.append(builder.ashr(builder.call(weigh, [rounding, pair, factors]), shift))
    return [packed_rows(builder, found[start : start + 4]) for start in range(0, ROWS, 4)]


def _words(builder: ir.IRBuilder, sums: list[ir.Value], arguments: Any) -> None:
    """Finish and store words; arguments as in `tile_words` from `correction` on."""
    target, rows, mask = arguments[8:]
    words = [builder.trunc(code, WORD_CODES) for code in _limited(builder, sums, arguments[:8])]
    store_rows(builder, words, target, rows, INT64(2), mask)


def _curve(builder: ir.IRBuilder, sums: list[ir.Value], arguments: Any) -> None:
    """Finish, interpolate and store bytes; arguments as in `tile_curve` from `correction` on."""
    codes = _limited(builder, sums, arguments[:8])
    store_codes(builder, _interpolated(builder, codes, arguments[5], arguments[8:11]), *arguments[11:])


@intrinsic
def tile_words(
    typing: Any,
    source: Any,
    rows: Any,
    segments: Any,
    count: Any,
    words: Any,
    weight: Any,
    correction: Any,
    multiplier: Any,
    offset: Any,
    shift: Any,
    zero: Any,
    low: Any,
    high: Any,
    unused: Any,
    target: Any,
    target_rows: Any,
    mask: Any,
) -> Any:
    """Addresses as in `tile_codes`; target_rows count words."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        _words(builder, dot_products(builder, arguments[:6]), arguments[6:])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 17), generate


@intrinsic
def tile_curve(
    typing: Any,
    source: Any,
    rows: Any,
    segments: Any,
    count: Any,
    words: Any,
    weight: Any,
    correction: Any,
    multiplier: Any,
    offset: Any,
    shift: Any,
    zero: Any,
    low: Any,
    high: Any,
    unused: Any,
    entries: Any,
    firsts: Any,
    rule: Any,
    target: Any,
    target_rows: Any,
    mask: Any,
) -> Any:
    """Addresses as in `tile_codes`, and of the parts of a Curve (`interpolation.py`)."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        _curve(builder, dot_products(builder, arguments[:6]), arguments[6:])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 20), generate


@intrinsic
def depthwise_words(
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
    target: Any,
    target_rows: Any,
    mask: Any,
) -> Any:
    """`tile_words` of the sums of `depthwise_codes`."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        _words(builder, depthwise_products(builder, arguments[:5]), arguments[5:])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 16), generate


@intrinsic
def depthwise_curve(
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
    entries: Any,
    firsts: Any,
    rule: Any,
    target: Any,
    target_rows: Any,
    mask: Any,
) -> Any:
    """`tile_curve` of the sums of `depthwise_codes`."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        _curve(builder, depthwise_products(builder, arguments[:5]), arguments[5:])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 19), generate
