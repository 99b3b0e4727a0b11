"""softmax (table), norm (exact) and mean (folded) as words."""

from __future__ import annotations

import math

from bittrue.golden.mutants.builder import Words
from bittrue.golden.mutants.units.mac import register_of, sum_words
from bittrue.golden.mutants.units.requantize import check, end_words, requantize_words
from bittrue.golden.mutants.words import Graph, Interval
from bittrue.spec.arithmetic import code_range
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.mean import FoldedMean
from bittrue.spec.units.norm import ExactNorm
from bittrue.spec.units.section import Width
from bittrue.spec.units.softmax import TableSoftmax

LONGEST_ROW = 4096
"""Rows that the graph's widths are proved for."""


def softmax_graph(words: Words, unit: object) -> Graph:
    """Maximum, table, sum, reciprocal, product; spec/units/softmax/table.py."""
    if not isinstance(unit, TableSoftmax):
        raise Unsupported("this softmax unit has no graph of words", where="softmax.kind", expected="table")
    bits, top = unit.logit_bits_max, (1 << unit.exponential_bits) - 1
    low, high = code_range(bits, signed=True)[0], code_range(bits, signed=False)[1]
    logits, table = words.port("logits", low, high), words.port("table", 0, top)
    body = words.body("maximum")
    kept = body.node("largest", "state", numbers=(0,), proved=(low, high))
    given = body.node("element", "element", numbers=(0,), proved=(low, high))
    first = body.node("first", "first", proved=(0, 1))
    greater = body.node("greater", "lt", kept, given)
    taken = body.node("taken", "or", first, greater)
    following = body.node("next", "select", taken, given, kept)
    words.node(
        "maximum", "fold", words.const(low), logits, numbers=(1, 1), proved=(low, high), body=body.graph(following)
    )
    address = words.node("address", "sub", "maximum", logits, proved=(0, (1 << bits) - 1))
    words.node("exponential", "read", table, address)
    total = _sum(words, "sum", "exponential", (0, top), (top, top * unit.row_max))
    one = words.const(1 << unit.reciprocal_bits)
    words.node("reciprocal", "divide", one, total)
    # e <= S makes e * r at most 2^reciprocal_bits; that itself needs e = S, a power of two, and S >= table[0] is none.
    product = words.node("scaled", "mul", "exponential", "reciprocal", proved=(0, (1 << unit.reciprocal_bits) - 1))
    shift = words.const(unit.reciprocal_bits - unit.probability_bits)
    rounded = words.round_shift("rounded", product, shift, unit.rounding)
    most = words.const((1 << unit.probability_bits) - 1)
    above = words.node("output.above", "lt", most, rounded)
    words.node("output", "select", above, most, rounded, proved=(0, (1 << unit.probability_bits) - 1))
    return words.graph("maximum", "exponential", "sum", "reciprocal", "output")


def _sum(
    words: Words, name: str, element: str, one: Interval, proved: Interval, *, square: bool = False,
    width: Width | None = None, rule: str = "refuse",
) -> str:  # fmt: skip
    """The running sum of elements, or of their squares, in a register."""
    body = words.body(name)
    register = (min(0, proved[0]), proved[1])
    kept = body.node("total", "state", numbers=(0,), proved=register)
    given = body.node("element", "element", numbers=(0,), proved=one)
    term = body.node("square", "mul", given, given, proved=(0, max(one[0] ** 2, one[1] ** 2))) if square else given
    added = body.node("added", "add", kept, term, proved=register if rule == "refuse" else None)
    following = body.node("next", "wire", added) if width is None else body.hold("next", added, width.bits, rule)
    return words.node(
        name, "fold", words.const(0), element, numbers=(1, 1), proved=proved, width=width, body=body.graph(following)
    )


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
    rule, reach = unit.statistics_overflow, max(-low, high)
    sum_interval, squares_interval = (LONGEST_ROW * low, LONGEST_ROW * high), (0, LONGEST_ROW * reach**2)
    if rule != "refuse":
        sum_interval, squares_interval = _range(sums), _range(squares)
    _sum(words, "sum", codes, (low, high), sum_interval, width=sums, rule=rule)
    _sum(words, "sum_of_squares", codes, (low, high), squares_interval, square=True, width=squares, rule=rule)
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
    # k is the largest that keeps the largest V << 2k in its register: least where epsilon is as large as the
    # deviation. A larger epsilon makes R larger by more than k gets smaller. r <= 2^p / 2^k, and p <= 62.
    least_k = max(0, unit.variance_bits - (2 * deviation).bit_length()) // 2
    growth = math.isqrt(LONGEST_ROW - 1) + 1
    shifts = (62 - unit.variance_bits // 2 + 1, 61) if not free else (unit.fraction_bits + 1, 62)
    bits = words.port("reciprocal_bits", shifts[0] if free else 62 - growth.bit_length(), 62)
    power = words.node("power", "shl", one, bits)
    most_r = 1 << (62 - least_k)
    words.node("reciprocal", "divide", power, "root", proved=(0, 1 << 62 if free else most_r))
    spread = words.node("spread", "mul", count, codes)
    reach_n = 2 * LONGEST_ROW * reach if free else spread_max
    centred = words.node("centred", "sub", spread, "sum", proved=(-reach_n, reach_n))
    # |n*c - S1| <= sqrt((n-1) * V), and r errs by less than 2^-k of itself.
    most_product = 1 << 62 if free else min(1 << 62, growth * (most_r + (most_r >> least_k)))
    product = words.node("product", "mul", centred, "reciprocal", proved=(-most_product, most_product))
    less = words.node("shift_less_root", "sub", bits, root_shift, proved=shifts)
    fraction = tuple(max(1, end - unit.fraction_bits) for end in shifts)
    shift = words.node(
        "fraction_shift", "sub", less, words.const(unit.fraction_bits), proved=(fraction[0], fraction[1])
    )
    most = reach_n << unit.fraction_bits if free else (2 * growth << unit.fraction_bits) + 1
    words.round_shift("normalized", product, shift, unit.rounding, (-most, most))
    _affine(words, unit)
    return words.graph("sum", "sum_of_squares", "variance", "root", "reciprocal", "normalized", "output")


def _affine(words: Words, unit: ExactNorm) -> None:
    top = (1 << unit.multiplier_bits) - 1
    multiplier, bias = words.port("multiplier", -top, top), words.port("bias", -(1 << 62), (1 << 62) - 1)
    shift = words.port("shift", 1, unit.shift_max)
    scaled = words.node("gamma_product", "mul", "normalized", multiplier)
    # gamma, beta and the half together stay below 2^63, or the unit refuses them (spec/units/catalog.py).
    words.node("affine", "add", scaled, bias, proved=(-(1 << 62) - (1 << 60), (1 << 62) + (1 << 60)))
    words.round_shift("affine_rounded", "affine", shift, unit.rounding)
    end_words(words, "affine_rounded")


def _range(width: Width) -> Interval:
    return code_range(width.bits, signed=width.signed)


def mean_graph(words: Words, datapath: Datapath) -> Graph:
    """The sum of centred codes in the MAC's accumulator, then the requantizer that the datapath has for mean."""
    unit = datapath.requantizer("mean")
    check(unit, "requantizer of mean")
    if not isinstance(datapath.mean, FoldedMean):
        raise Unsupported("this mean has no graph of words", where="mean.kind", expected="folded")
    low, high = code_range(8, signed=True)[0], code_range(8, signed=False)[1]
    codes, zero_point = words.port("codes", low, high), words.port("zero_point_x", -(1 << 9), (1 << 9) - 1)
    centred = words.node("centred", "sub", codes, zero_point)
    mac = datapath.mac
    one = words.interval(centred)
    whole = (LONGEST_ROW * one[0], LONGEST_ROW * one[1])
    value = sum_words(words, mac, "accumulated", words.const(0), (centred,), one, whole)
    at_end = mac.overflow == "saturate_at_end"
    value = words.hold("register", value, mac.accumulator_bits, "saturate" if at_end else "exact")
    bits = mac.output_bits or register_of(mac).bits
    words.hold("accumulator", value, bits, "saturate" if mac.output_bits else "exact")
    requantize_words(words, unit, "accumulator")
    return words.graph("accumulator", "product", "rounded", "placed", "output")
