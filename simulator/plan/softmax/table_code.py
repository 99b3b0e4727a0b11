"""LLVM code of the default softmax for processors with AVX-512 VBMI; `table.py` says what it means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from bittrue.simulator.plan.softmax.row_code import (
    BY_BLOCKS,
    BYTES,
    INT64,
    SUMS,
    WORDS,
    call,
    distances,
    interleaved,
    looked_up,
    over_row,
    shuffled,
    splat,
    store_words,
    table_at,
    table_sums,
)


@intrinsic
def word_sum(typing: Any, source: Any, n: Any, largest: Any, planes: Any) -> Any:
    """The sum of words by distance over n bytes; planes: the address of 256 low bytes and 256 high ones."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        source, n, largest, planes = arguments
        tables = [table_at(builder, builder.add(planes, INT64(256 * plane))) for plane in range(2)]
        low, high = table_sums(builder, source, n, splat(builder, largest, BYTES), tables)
        sums = builder.add(low, builder.shl(high, ir.Constant(SUMS, [8] * 8)))
        return call(builder, "vector.reduce.add.v8i64", INT64, sums)

    return types.int64(*[types.intp] * 4), generate


@intrinsic
def scale_words(typing: Any, source: Any, n: Any, largest: Any, planes: Any, factor: Any, top: Any, target: Any) -> Any:
    """target[i] = min((e * factor + 2**31) >> 32, top) for the word e at the distance of byte i; factor below 2**32.

    planes as in `word_sum`. e * factor is added up from products of 16 bits: the upper word of the sum, and what is
    carried into it from the middle one and from 2**31.
    """

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        source, n, largest, planes, factor, top, target = arguments
        peak, tops = splat(builder, largest, BYTES), splat(builder, top, WORDS)
        low, high = (table_at(builder, builder.add(planes, INT64(256 * plane))) for plane in range(2))
        lower, upper = (splat(builder, builder.lshr(factor, INT64(place)), WORDS) for place in (0, 16))

        def scaled(word: ir.Value) -> ir.Value:
            high_product = "x86.avx512.pmulhu.w.512"
            product = builder.mul(word, upper)
            middle = builder.add(product, call(builder, high_product, WORDS, word, lower))
            carry = builder.zext(builder.icmp_unsigned("<", middle, product), WORDS)
            carry = builder.add(carry, builder.lshr(middle, ir.Constant(WORDS, [15] * 32)))
            whole = call(builder, high_product, WORDS, word, upper)
            return call(builder, "umin.v32i16", WORDS, call(builder, "uadd.sat.v32i16", WORDS, whole, carry), tops)

        def visit(at: ir.Value, lanes: ir.Value | None, state: Sequence[ir.Value]) -> list[ir.Value]:
            index = distances(builder, peak, source, at, lanes)
            index = shuffled(builder, index, index, BY_BLOCKS)
            words = interleaved(builder, looked_up(builder, low, index), looked_up(builder, high, index))
            store_words(builder, [scaled(word) for word in words], target, at, lanes)
            return []

        over_row(builder, n, [], visit)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 7), generate
