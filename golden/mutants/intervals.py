"""What a wire can be, given what its inputs can be: exact bounds of each op."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from bittrue.golden.mutants.words import Interval, Op, width_of

BOOLEAN = (0, 1)


def interval_of(op: Op, inputs: Sequence[Interval], numbers: tuple[int, ...]) -> Interval:
    """The interval of a node; sources and folds have one given. Intervals of inputs are taken as independent."""
    if op == "const":
        return numbers[0], numbers[0]
    if op in ("lt", "le", "eq"):
        return _compared(op, *inputs)
    if op == "wrap":
        bits, signed = numbers
        whole = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        inside = whole[0] <= inputs[0][0] and inputs[0][1] <= whole[1]
        return inputs[0] if inside else whole
    if op == "select":
        return min(inputs[1][0], inputs[2][0]), max(inputs[1][1], inputs[2][1])
    if op == "root":
        return math.isqrt(inputs[0][0]), math.isqrt(inputs[0][1])
    if op in ("wire", "read"):
        return inputs[0]
    (a, b), (c, d) = inputs
    if op in ("add", "add_broken_carry"):
        return a + c, b + d
    if op == "sub":
        return a - d, b - c
    if op == "mul":
        return _hull(x * y for x in (a, b) for y in (c, d))
    if op == "shl":
        return _hull(x << y for x in (a, b) for y in (c, d))
    if op == "shr":
        return _hull(x >> y for x in (a, b) for y in (c, d))
    if op == "divide":
        return a // d, b // c
    if op in ("and", "or", "xor"):
        return _bitwise((a, b), (c, d))
    raise AssertionError(op)


def _hull(values: Iterable[int]) -> Interval:
    found = list(values)
    return min(found), max(found)


def _bitwise(one: Interval, other: Interval) -> Interval:
    width = width_of((min(one[0], other[0]), max(one[1], other[1])))
    return (-(1 << (width.bits - 1)), (1 << (width.bits - 1)) - 1) if width.signed else (0, (1 << width.bits) - 1)


def _compared(op: Op, one: Interval, other: Interval) -> Interval:
    (a, b), (c, d) = one, other
    if op == "lt":
        always, never = b < c, a >= d
    elif op == "le":
        always, never = b <= c, a > d
    else:
        always, never = a == b == c == d, b < c or d < a
    return (1, 1) if always else (0, 0) if never else BOOLEAN
