"""norm (exact) as words, with what the contract says of its registers beyond intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bittrue.golden.mutants.builder import Words
from bittrue.golden.mutants.units.requantize import end_words
from bittrue.golden.mutants.units.rows import LONGEST_ROW, running_sum
from bittrue.golden.mutants.words import Graph, Interval
from bittrue.spec.arithmetic import code_range
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.norm import ExactNorm
from bittrue.spec.units.section import Width


def norm_graph(words: Words, unit: object) -> Graph:
    """Sums, root, reciprocal, gamma and beta; spec/units/norm/{identity,exact,affine}.py. n is the port `count`."""
    if not isinstance(unit, ExactNorm):
        raise Unsupported("this norm unit has no graph of words", where="norm.kind", expected="exact")
    low, high = code_range(8, signed=True)[0], code_range(8, signed=False)[1]
    if unit.pre_shift_max:
        low, high = code_range(16, signed=True)
    codes = words.port("codes", low, high)
    count = words.port("count", 1, LONGEST_ROW)
    if unit.pre_shift_max:
        codes = words.round_shift("narrowed", codes, words.port("pre_shift", 0, unit.pre_shift_max), unit.rounding)
    sums, squares = Width(unit.sum_bits, True), Width(unit.sum_of_squares_bits, True)
    rule, widest = unit.statistics_overflow, max(-low, high)
    sum_interval, squares_interval = (LONGEST_ROW * low, LONGEST_ROW * high), (0, LONGEST_ROW * widest**2)
    if rule != "refuse":
        sum_interval, squares_interval = _range(sums), _range(squares)
    running_sum(words, "sum", codes, (low, high), sum_interval, width=sums, rule=rule)
    running_sum(words, "sum_of_squares", codes, (low, high), squares_interval, square=True, width=squares, rule=rule)
    spread_max = LONGEST_ROW * max(-2 * low - 1, high)  # of n codes of one sign; of n*c - S1 as well
    deviation = spread_max**2 // 4  # of n*S2 - S1*S1: half of the codes at either end
    free = rule != "refuse"
    whole = (1 << unit.variance_bits) - 1
    scaled = words.node("scaled_squares", "mul", count, "sum_of_squares")
    squared = words.node("squared_sum", "mul", "sum", "sum", proved=(0, max(abs(end) for end in sum_interval) ** 2))
    raw = words.node("raw_variance", "sub", scaled, squared, proved=None if free else (0, deviation))
    epsilon = words.port("epsilon", 1, whole)
    moved = words.node("moved_variance", "add", raw, epsilon, proved=None if free else (1, whole))
    one = words.const(1)
    below = words.node("below_one", "lt", moved, one)
    words.node("variance", "select", below, one, moved, proved=(1, whole))
    root_shift = words.port("root_shift", 0, unit.variance_bits // 2 - 1)
    twice = words.node("root_shift_twice", "shl", root_shift, one)
    lifted = words.node("lifted", "shl", "variance", twice, proved=(1, whole))
    words.node("root", "root", lifted)
    reach = _Reach.of(unit, deviation)
    growth = math.isqrt(LONGEST_ROW - 1) + 1
    shifts = (62 - unit.variance_bits // 2 + 1, 61) if not free else (unit.fraction_bits + 1, 62)
    bits = words.port("reciprocal_bits", shifts[0] if free else 62 - growth.bit_length(), 62)
    power = words.node("power", "shl", one, bits)
    words.node("reciprocal", "divide", power, "root", proved=(0, 1 << 62 if free else reach.reciprocal))
    spread = words.node("spread", "mul", count, codes)
    reach_n = 2 * LONGEST_ROW * widest if free else spread_max
    centred = words.node("centred", "sub", spread, "sum", proved=(-reach_n, reach_n))
    most_product = 1 << 62 if free else reach.product
    product = words.node("product", "mul", centred, "reciprocal", proved=(-most_product, most_product))
    less = words.node("shift_less_root", "sub", bits, root_shift, proved=shifts)
    fraction = tuple(max(1, end - unit.fraction_bits) for end in shifts)
    shift = words.node(
        "fraction_shift", "sub", less, words.const(unit.fraction_bits), proved=(fraction[0], fraction[1])
    )
    most = reach_n << unit.fraction_bits if free else reach.normalized
    summed = None if free else (-reach.summed, reach.summed)
    words.round_shift("normalized", product, shift, unit.rounding, (-most, most), summed)
    _affine(words, unit)
    if not free and not unit.pre_shift_max:
        _facts(words, unit)
    return words.graph("sum", "sum_of_squares", "variance", "root", "reciprocal", "normalized", "output")


def _facts(words: Words, unit: ExactNorm) -> None:
    """What follows where a row is not constant, so that n >= 2 and n*S2 - S1*S1 >= n - 1.

    p - k is at most 60, as g >= 2, and at least what it is for n = 2 and epsilon = 1, where k is largest. R is more
    than 2^k, as V >= 2: r cannot be a power of two at its upper end.
    """
    zero = words.const(0)
    least = min(62 - (unit.variance_bits - (255**2 + 1).bit_length()) // 2, 62 - LONGEST_ROW.bit_length())
    shortest, longest = (words.const(bits - unit.fraction_bits) for bits in (least, 60))
    words.either("longest_shift", ("eq", "product", zero), ("le", "fraction_shift", longest))
    words.either("shortest_shift", ("eq", "product", zero), ("le", shortest, "fraction_shift"))
    most = words.const(words.interval("reciprocal")[1])
    words.either("reciprocal", ("eq", "centred", zero), ("lt", "reciprocal", most))


@dataclass(frozen=True)
class _Reach:
    """What the exact norm's multipliers can make of rows of up to LONGEST_ROW codes of 8 bits.

    r is largest for a constant row with epsilon = 1, where k is least, k0: r = 2^(62 - k0). A larger epsilon makes k
    smaller by j only where it is at least 4^j (`of` looks), which makes R no smaller.

    |n*c - S1| <= sqrt((n-1) * D), D = n*S2 - S1*S1 >= n - 1 in a row that is not constant, and r <= 2^(p-k) /
    (sqrt(V) - 2^-k): the product is at most sqrt(n-1) * 2^(p-k) * (1 + e), e = 1 / (2^k * sqrt(n) - 1). For a k below
    k0 by j: the least D that a numerator of this size leaves is at most (n-1) * 255^2, and epsilon >= (4^j - 1) times
    that (`of` looks, with room) makes V at least 4^j * D. In the sum the half is 2^(p-k-f-1), or the product is 0.
    """

    reciprocal: int
    product: int
    summed: int
    normalized: int

    @classmethod
    def of(cls, unit: ExactNorm, deviation: int) -> _Reach:
        """deviation: the largest D."""
        length = deviation.bit_length()
        least_k = max(0, unit.variance_bits - length) // 2
        shorter = (1 << (length + (unit.variance_bits - length) % 2)) - deviation  # the least epsilon of a k below k0
        wide = shorter < 8 * (LONGEST_ROW - 1) * 255**2 or unit.pre_shift_max > 0
        least_k = max(0, least_k - wide)  # not excluded: one bit more for all
        reciprocal = 1 << (62 - least_k)
        m = math.isqrt(LONGEST_ROW) << least_k
        product = math.isqrt((LONGEST_ROW - 1) * (reciprocal * m // (m - 1) + 1) ** 2) + 1
        half = 1 << (62 - least_k - unit.fraction_bits - 1)
        normalized = (product >> (62 - least_k - unit.fraction_bits)) + 1
        product = min(product, 1 << 62)  # p sees to that
        return cls(reciprocal, product, max(product + half, 1 << (61 - unit.fraction_bits)), normalized)


def _affine(words: Words, unit: ExactNorm) -> None:
    top, room = (1 << unit.multiplier_bits) - 1, (1 << 63) - (1 << (unit.shift_max - 1)) - 1
    multiplier, bias = words.port("multiplier", -top, top), words.port("bias", -room, room)
    shift = words.port("shift", 1, unit.shift_max)
    scaled = words.node("gamma_product", "mul", "normalized", multiplier)
    # gamma, beta and the half together stay below 2^63, or the unit refuses them (spec/units/catalog.py).
    words.node("affine", "add", scaled, bias, proved=(-room, room))
    words.round_shift("affine_rounded", "affine", shift, unit.rounding)
    end_words(words, "affine_rounded")


def _range(width: Width) -> Interval:
    return code_range(width.bits, signed=width.signed)
