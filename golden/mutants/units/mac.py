"""The MAC array, the accumulator alone and the sum of a mean, as words; see spec/units/mac.py."""

from __future__ import annotations

from bittrue.golden.mutants.builder import Words
from bittrue.golden.mutants.words import Graph, Interval, holds
from bittrue.spec.arithmetic import code_range
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.mac import Mac
from bittrue.spec.units.section import Width

ARRAY_ROWS = 16
"""Products that the array adds before the accumulator sees them, where the datapath leaves it open."""
EXACT = 48
"""Bits of a register that the contract does not end."""


def tile_of(mac: Mac) -> int:
    """Elements of a tile: the datapath's; the array's where no order matters; one where each product saturates."""
    return mac.k_tile or (1 if mac.overflow == "saturate" else ARRAY_ROWS)


def register_of(mac: Mac) -> Width:
    """The accumulator: as wide as the datapath says, or as any exact sum."""
    open_ended = mac.overflow in ("exact", "saturate_at_end")
    return Width(EXACT if open_ended else mac.accumulator_bits, True)


def _range(width: Width) -> Interval:
    return code_range(width.bits, signed=width.signed)


def sum_words(
    words: Words,
    mac: Mac,
    name: str,
    initial: str,
    elements: tuple[str, ...],
    one: Interval,
    whole: Interval | None = None,
) -> str:
    """The tiled sum of elements (of products, where there are two), from `initial`.

    one: an element's interval; whole: that of any sum, where it is narrower than the register.
    """
    register, tile = register_of(mac), tile_of(mac)
    held = whole if whole is not None and holds(register, whole) else _range(register)
    body = words.body(name)
    kept = body.node("register", "state", numbers=(0,), proved=held, width=register)
    given = [
        body.node(f"element_{i}", "element", numbers=(i,), proved=words.interval(each))
        for i, each in enumerate(elements)
    ]
    term = given[0] if len(given) == 1 else body.node("product", "mul", *given, proved=one)
    if tile == 1:
        after = _summed(body, mac, kept, term, register, held)
        next_states: tuple[str, ...] = (body.node("next", "wire", after, proved=held, width=register),)
    else:
        next_states = _tiled(body, mac, kept, term, tile, register, held)
    initials = (initial, *(words.const(0) for _ in next_states[1:]))
    return words.node(
        name, "fold", *initials, *elements, numbers=(len(initials), tile), proved=held,
        width=register, body=body.graph(*next_states),
    )  # fmt: skip


def _summed(body: Words, mac: Mac, kept: str, partial: str, register: Width, held: Interval) -> str:
    """The register and one partial sum; between tiles it may be spilled."""
    proved, width = (held, register) if mac.overflow == "refuse" else (None, None)
    total = body.node("total", "add", kept, partial, proved=proved, width=width)
    summed = body.hold("summed", total, mac.accumulator_bits, mac.overflow)
    if not mac.spill_bits:
        return summed
    last = body.node("last", "last", proved=(0, 1))
    spilled = body.hold("spilled", summed, mac.spill_bits, mac.spill_overflow)
    return body.node("left", "select", last, summed, spilled)


def _tiled(body: Words, mac: Mac, kept: str, term: str, tile: int, register: Width, held: Interval) -> tuple[str, str]:
    """An adder along the tile, whose sum the register takes with the tile's last element."""
    low, high = body.interval(term)
    exact = (min(0, tile * low), max(0, tile * high))
    partial = code_range(mac.adder_bits, signed=True) if mac.adder_bits else exact
    column = body.node("column", "state", numbers=(1,), proved=partial)
    first, last = (body.node(f"tile_{end}", f"tile_{end}", proved=(0, 1)) for end in ("first", "last"))  # type: ignore[arg-type]
    fresh = body.node("fresh", "select", first, body.const(0), column)
    added = body.node("added", "add", fresh, term, proved=None if mac.adder_bits else partial)
    if mac.adder_bits:
        added = body.hold("partial", added, mac.adder_bits, mac.adder_overflow)
    summed = _summed(body, mac, kept, added, register, held)
    after = body.node("next", "select", last, summed, kept, proved=held, width=register)
    return after, body.node("next_column", "wire", added, proved=partial)


def leave_words(words: Words, mac: Mac, finished: str, pre_shift: str | None) -> None:
    """From the last addition to `register` and `output`."""
    at_end = mac.overflow == "saturate_at_end"
    value = words.hold("register", finished, mac.accumulator_bits, "saturate" if at_end else "exact")
    if pre_shift is not None:
        value = words.round_shift("shifted", value, pre_shift, mac.output_rounding)
    if mac.output_bits:
        words.hold("output", value, mac.output_bits, "saturate")
    else:
        words.node("output", "wire", value)


def mac_graph(words: Words, mac: Mac) -> Graph:
    """Activations [vectors, k, 1] and weights [1, k, lanes] -> register and output [vectors, 1, lanes]."""
    if mac.products == "unsigned":
        raise Unsupported("unsigned products have no graph of words", where="mac.products", expected="signed")
    operands, reach = [], 1
    for name, bits in (("activation", mac.activation_bits_max), ("weight", mac.weight_bits_max)):
        low, high = code_range(bits, signed=True)[0], code_range(bits, signed=False)[1]
        widest = code_range(mac.probability_bits_max, signed=False)[1] if name == "activation" else high
        codes = words.port(f"{name}s", low, max(high, widest))
        zero_point = words.port(f"{name}_zero_point", low, high)
        operands.append(words.node(f"{name}", "sub", codes, zero_point))
        reach *= max(high, widest) - low
    bias = words.port("bias", *code_range(mac.bias_bits, signed=True))
    first = mac.bias == "first"
    initial = words.hold("loaded", bias, mac.accumulator_bits, mac.overflow) if first else words.const(0)
    value = sum_words(words, mac, "accumulated", initial, tuple(operands), (-reach, reach))
    if not first:
        total = words.node("biased", "add", value, bias)
        value = words.hold("biased_held", total, mac.accumulator_bits, mac.overflow)
    leave_words(words, mac, value, None)
    return words.graph("register", "output")


def accumulate_graph(words: Words, mac: Mac) -> Graph:
    """Addends [vectors, n, 1]: every addend is a tile's sum."""
    register = register_of(mac)
    plain = mac.model_copy(update={"k_tile": 1, "adder_bits": None})
    addends = words.port("addends", *_range(register))
    bias, initial = words.port("bias", *_range(register)), words.port("initial", *_range(register))
    pre_shift = words.port("pre_shift", 0, 31)
    start = words.node("start", "add", initial, bias) if mac.bias == "first" else initial
    loaded = words.hold("loaded", start, mac.accumulator_bits, mac.overflow)
    value = sum_words(words, plain, "accumulated", loaded, (addends,), _range(register))
    if mac.bias != "first":
        total = words.node("biased", "add", value, bias)
        value = words.hold("biased_held", total, mac.accumulator_bits, mac.overflow)
    leave_words(words, mac, value, pre_shift)
    return words.graph("register", "output")
