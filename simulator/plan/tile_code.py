"""The tiles as functions of addresses that compiled code calls; `tile.py` and `sums.py` say what they mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from bittrue.simulator.plan.finish_code import finished
from bittrue.simulator.plan.lanes_code import INT64, SUMS, address, either
from bittrue.simulator.plan.products_code import depthwise_products, dot_products


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
        for value in dot_products(builder, operands, pairs=pairs):
            builder.store(value, address(builder, target, SUMS), align=4)
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
        sums = either(
            builder,
            builder.icmp_signed("!=", pairs, INT64(0)),
            lambda: dot_products(builder, operands, pairs=True),
            lambda: dot_products(builder, operands),
        )
        finished(builder, sums, rest)
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
        finished(builder, depthwise_products(builder, arguments[:5]), arguments[5:])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 17), generate


@intrinsic
def depthwise_sums(
    typing: Any, source: Any, rows: Any, taps: Any, groups: Any, weight: Any, sums: Any, pitch: Any
) -> Any:
    """The sums of `depthwise_codes`, stored `pitch` bytes apart."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        *operands, target, pitch = arguments
        for value in depthwise_products(builder, operands):
            builder.store(value, address(builder, target, SUMS), align=4)
            target = builder.add(target, pitch)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 7), generate
