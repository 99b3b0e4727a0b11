"""add, mul, table and the interpolated activation as words."""

from __future__ import annotations

from bittrue.golden.mutants.builder import Words
from bittrue.golden.mutants.units.requantize import check, end_words, requantize_words
from bittrue.golden.mutants.words import Graph
from bittrue.spec.arithmetic import code_range
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.activation import Function, InterpolatedActivation
from bittrue.spec.units.add import TwoMultipliersAdd
from bittrue.spec.units.table import Table


def _operands(words: Words, bits: int) -> list[str]:
    """Two codes of either sign less their zero points, which may lie a little outside the code range."""
    found = []
    for name in ("a", "b"):
        code = words.port(name, code_range(bits, signed=True)[0], code_range(bits, signed=False)[1])
        zero_point = words.port(f"zero_point_{name}", *code_range(bits + (2 if bits <= 8 else 1), signed=True))
        found.append(words.node(f"centred_{name}", "sub", code, zero_point))
    return found


def add_graph(words: Words, unit: object) -> Graph:
    """Two products with one shift; spec/units/add/two_multipliers.py."""
    if not isinstance(unit, TwoMultipliersAdd):
        raise Unsupported("this add unit has no graph of words", where="add.kind", expected="two_multipliers")
    products = []
    for name, centred in zip(("a", "b"), _operands(words, unit.operand_bits_max), strict=True):
        multiplier = words.port(f"multiplier_{name}", 0, unit.multiplier_max)
        products.append(words.node(f"product_{name}", "mul", centred, multiplier))
    words.one_at_least.append((1 << (unit.multiplier_bits - 1), ("multiplier_a", "multiplier_b")))
    words.node("accumulator", "add", *products)
    shift = words.port("shift", unit.shift_min, unit.shift_max)
    value = words.round_shift("rounded", "accumulator", shift, unit.rounding)
    stages = ["accumulator", "rounded"]
    if unit.shifted_bits is not None:
        value = words.hold("limited", value, unit.shifted_bits, "saturate")
        stages.append("limited")
    end_words(words, value)
    return words.graph(*stages, "output")


def mul_graph(words: Words, datapath: Datapath) -> Graph:
    """The product of two codes, then the requantizer that the datapath has for mul."""
    unit = datapath.requantizer("mul")
    check(unit, "requantizer of mul")
    a, b = _operands(words, datapath.mac.activation_bits_max)
    words.node("accumulator", "mul", a, b)
    requantize_words(words, unit, "accumulator")
    return words.graph("accumulator", "product", "rounded", "placed", "output")


def table_graph(words: Words, unit: Table) -> Graph:
    """One read; spec/units/table.py."""
    low, high = code_range(unit.input_bits_max, signed=True)[0], code_range(unit.input_bits_max, signed=False)[1]
    codes, lowest = words.port("codes", low, high), words.port("input_low", low, 0)
    memory = words.port("table", *_either(unit.output_bits_max))
    address = words.node("address", "sub", codes, lowest, proved=(0, (1 << unit.input_bits_max) - 1))
    words.node("output", "read", memory, address)
    return words.graph("output")


def _either(bits: int) -> tuple[int, int]:
    """Codes of either sign."""
    return code_range(bits, signed=True)[0], code_range(bits, signed=False)[1]


def interpolated_graph(words: Words, unit: object, function: Function, input_bits: int) -> Graph:
    """Two reads and a line between them; spec/units/activation/interpolated.py. input_bits: of the codes."""
    if not isinstance(unit, InterpolatedActivation) or unit.wrap_bits is not None:
        raise Unsupported(
            "this activation unit has no graph of words",
            where=f"activation.{function}",
            expected="interpolated, no wrap",
        )
    low, high = _either(input_bits)
    step_bits = input_bits - unit.index_bits
    codes, lowest = words.port("codes", low, high), words.port("input_low", low, 0)
    memory = words.port("table", *(end << unit.fraction_bits for end in _either(unit.output_bits_max)))
    distance = words.node("distance", "sub", codes, lowest, proved=(0, (1 << input_bits) - 1))
    step = words.const(step_bits)
    index = words.node("index", "shr", distance, step)
    words.node("base", "read", memory, index)
    after = words.node("index_after", "add", index, words.const(1))
    above = words.node("entry_after", "read", memory, after)
    words.node("slope", "sub", above, "base")
    rest = words.node("rest", "wrap", distance, numbers=(step_bits, 0)) if step_bits else words.const(0)
    lifted = words.node("lifted", "shl", "base", step)
    rise = words.node("rise", "mul", "slope", rest)
    total = words.node("line", "add", lifted, rise)
    shift = words.const(step_bits + unit.fraction_bits)
    words.round_shift("output", total, shift, unit.rounding)
    return words.graph("index", "base", "slope", "output")
