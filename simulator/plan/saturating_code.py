"""LLVM code of sums in the machine's order, for processors with AVX-512 VNNI; `saturating_tile.py` says what they mean.

vpdpwssds adds two products of 16-bit numbers to an int32 and saturates the sum at 32 bits, once. With one of the
two products 0 that is one step of a saturating accumulator. A narrower one of b bits is had by scaling: sums, and so
products, stand 32 - b bits further left. Then they saturate at the same places:

    2**31 - 1 = (2**(b-1) - 1) * 2**(32-b) + (2**(32-b) - 1)        and       -2**31 = -2**(b-1) * 2**(32-b)

What is left over below, ones after a saturation at the top, never carries: products have zeros there. So the upper
b bits of the scaled sum are the accumulator after every step, and an arithmetic shift gives it back.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from bittrue.simulator.plan.finish_code import finished
from bittrue.simulator.plan.lanes_code import CODES, COLUMNS, INT32, INT64, ROWS, SUMS, address, element, load, splat


def _everywhere(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    """An int64 in 16 int32 lanes."""
    return splat(builder, builder.trunc(value, INT32), SUMS)


def _clamped(builder: ir.IRBuilder, value: ir.Value, low: ir.Value, high: ir.Value) -> ir.Value:
    raised = builder.select(builder.icmp_signed("<", value, low), low, value)
    return builder.select(builder.icmp_signed(">", raised, high), high, raised)


def _ordered(builder: ir.IRBuilder, depth: ir.Value, start: ir.Value, step: Any, add: Any) -> list[ir.Value]:
    """8 vectors of sums: from `start`, add(sum, word, weight) for every k, ascending.

    step(k) gives 8 vectors of words and one of weights. depth: at least 1. The builder stands behind the loop.
    """
    entry = builder.block
    loop, done = (builder.append_basic_block(name) for name in ("step", "done"))
    builder.branch(loop)
    builder.position_at_end(loop)
    k, sums = builder.phi(INT64), [builder.phi(SUMS) for _ in range(ROWS)]
    for phi, value in zip([k, *sums], [INT64(0), *[start] * ROWS], strict=True):
        phi.add_incoming(value, entry)
    words, weights = step(k)
    added = [add(before, word, weights) for before, word in zip(sums, words, strict=True)]
    following = builder.add(k, INT64(1))
    for phi, value in zip([k, *sums], [following, *added], strict=True):
        phi.add_incoming(value, loop)
    builder.cbranch(builder.icmp_signed("<", following, depth), loop, done)
    builder.position_at_end(done)
    return added


def _spread(builder: ir.IRBuilder, words: ir.Value, weight: ir.Value, depth: ir.Value) -> Any:
    """Steps whose word is one of each row's for all columns: addresses of words [8, depth] and weights [depth, 16]."""
    rows = [builder.add(words, builder.mul(depth, INT64(4 * r))) for r in range(ROWS)]

    def step(k: ir.Value) -> tuple[list[ir.Value], ir.Value]:
        weights = load(builder, builder.add(weight, builder.mul(k, INT64(4 * COLUMNS))), SUMS)
        places = [builder.add(row, builder.mul(k, INT64(4))) for row in rows]
        return [splat(builder, load(builder, place, INT32), SUMS) for place in places], weights

    return step


def _clamping(builder: ir.IRBuilder, low: ir.Value, high: ir.Value) -> Any:
    """Addition of a product to a sum that low..high limits."""
    lows, highs = _everywhere(builder, low), _everywhere(builder, high)
    return lambda total, word, weights: _clamped(builder, builder.add(total, builder.mul(word, weights)), lows, highs)


def _store_sums(builder: ir.IRBuilder, sums: list[ir.Value], target: ir.Value) -> None:
    for r, value in enumerate(sums):
        builder.store(value, address(builder, builder.add(target, INT64(4 * COLUMNS * r)), SUMS), align=4)


@intrinsic
def tile_scaled(typing: Any, words: Any, weight: Any, depth: Any, start: Any, shift: Any, sums: Any) -> Any:
    """Sums [8, 16] of products that stand `shift` bits to the left and saturate at 32 bits, shifted back.

    Addresses of words whose low half is a number, of weights whose low half is one and whose high half is 0, and of
    16 starting sums, not shifted.
    """

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        words, weight, depth, start, shift, target = arguments
        kind = ir.FunctionType(SUMS, [SUMS, SUMS, SUMS])
        dot = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.vpdpwssds.512")
        lift = _everywhere(builder, shift)
        first, step = builder.shl(load(builder, start, SUMS), lift), _spread(builder, words, weight, depth)
        sums = _ordered(builder, depth, first, step, lambda *operands: builder.call(dot, operands))
        _store_sums(builder, [builder.ashr(value, lift) for value in sums], target)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 6), generate


@intrinsic
def tile_clamped(typing: Any, words: Any, weight: Any, depth: Any, start: Any, low: Any, high: Any, sums: Any) -> Any:
    """Sums [8, 16] limited to low..high after every product; addresses of words, weights and 16 starting sums."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        words, weight, depth, start, low, high, target = arguments
        first, step = load(builder, start, SUMS), _spread(builder, words, weight, depth)
        _store_sums(builder, _ordered(builder, depth, first, step, _clamping(builder, low, high)), target)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 7), generate


@intrinsic
def depthwise_clamped(
    typing: Any,
    source: Any,
    rows: Any,
    taps: Any,
    count: Any,
    weight: Any,
    pitch: Any,
    taken: Any,
    start: Any,
    low: Any,
    high: Any,
    sums: Any,
) -> Any:
    """As `tile_clamped` with (byte - taken) for words: 16 channels of 8 rows, tap by tap.

    Addresses of bytes, 8 row offsets, `count` tap offsets, weights [count] that lie `pitch` bytes apart, 16 of taken
    and 16 starting sums.
    """

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        source, rows, taps, count, weight, pitch, taken, start, low, high, target = arguments
        less = load(builder, taken, SUMS)
        begins = [builder.add(source, element(builder, rows, INT64(r))) for r in range(ROWS)]

        def step(k: ir.Value) -> tuple[list[ir.Value], ir.Value]:
            tap = element(builder, taps, k)
            codes = [builder.zext(load(builder, builder.add(begin, tap), CODES), SUMS) for begin in begins]
            weights = load(builder, builder.add(weight, builder.mul(k, pitch)), SUMS)
            return [builder.sub(value, less) for value in codes], weights

        first = load(builder, start, SUMS)
        _store_sums(builder, _ordered(builder, count, first, step, _clamping(builder, low, high)), target)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 11), generate


@intrinsic
def tile_finished(
    typing: Any,
    sums: Any,
    last: Any,
    held_low: Any,
    held_high: Any,
    nothing: Any,
    multiplier: Any,
    offset: Any,
    shift: Any,
    zero: Any,
    low: Any,
    high: Any,
    table: Any,
    target: Any,
    target_rows: Any,
    mask: Any,
) -> Any:
    """Add `last` to sums [8, 16], limit them to held_low..held_high and go on as `tile_code.tile_codes` does.

    nothing: 16 int32 of 0, its correction.
    """

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        source, last, held_low, held_high, *constants = arguments[:11]
        lows, highs, added = _everywhere(builder, held_low), _everywhere(builder, held_high), load(builder, last, SUMS)
        sums = []
        for r in range(ROWS):
            value = builder.add(load(builder, source, SUMS, 4 * COLUMNS * r), added)
            sums.append(_clamped(builder, value, lows, highs))
        finished(builder, sums, [*constants, INT64(0), *arguments[11:]])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 15), generate
