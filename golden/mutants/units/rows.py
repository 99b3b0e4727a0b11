"""softmax (table) and mean (folded) as words."""

from __future__ import annotations

from bittrue.golden.mutants.builder import Words
from bittrue.golden.mutants.units.mac import register_of, sum_words
from bittrue.golden.mutants.units.requantize import check, requantize_words
from bittrue.golden.mutants.words import Graph, Interval
from bittrue.spec.arithmetic import code_range
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.mean import FoldedMean
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
    total = running_sum(words, "sum", "exponential", (0, top), (top, top * unit.row_max))
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


def running_sum(
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
