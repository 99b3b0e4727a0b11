"""Graphs of words on arrays, with numpy int64: every wire of a run, and what a mutant makes of the same run.

Arrays are [vectors, elements, lanes] and broadcast; a memory is flat. int64 wraps as a 64-bit register does, and every
wire is then cut to its declared width: of an unmutated graph that changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.mutants.words import Fault, Graph, Node
from bittrue.spec.units.section import Width

Words = NDArray[np.int64]
Trace = dict[str, Words]
"""Wire -> array."""
Span = tuple[int, int]
"""First vector and the one behind the last."""
WHOLE: Span = (0, 0)
"""All that there are."""


def run(graph: Graph, ports: Mapping[str, Words]) -> Trace:
    """Every wire of a graph."""
    trace: Trace = {}
    for node in graph.nodes:
        if node.op == "port":
            trace[node.name] = ports[node.name]
        trace[node.name] = _node(node, trace, trace, WHOLE)
    return trace


def rerun(mutated: Graph, changed: frozenset[str], trace: Trace, start: int, stop: int) -> Trace:
    """The wires of a mutant that may differ (`dirty`), for vectors start..stop of a golden run.

    Faults that see another vector take its value from the golden run: nothing before a fault is faulty.
    """
    known: Trace = {}
    found: Trace = {}
    for node in mutated.nodes:
        if node.name in changed:
            for name in node.inputs:
                if name not in known:
                    known[name] = part(trace[name], start, stop)
            if node.op == "port":
                known[node.name] = part(trace[node.name], start, stop)
            found[node.name] = known[node.name] = _node(node, known, trace, (start, stop))
    return found


def part(array: Words, start: int, stop: int) -> Words:
    """Vectors start..stop; arrays of constants serve all."""
    return array if array.ndim < 3 or len(array) == 1 else array[start:stop]


def _node(node: Node, known: Mapping[str, Words], golden: Mapping[str, Words], span: Span) -> Words:
    if node.op == "port":
        value = known[node.name]
    elif node.op == "fold":
        value = _fold(node, [known[name] for name in node.inputs])
    elif node.op == "const":
        value = np.full((1, 1, 1), node.numbers[0], np.int64)
    else:
        value = kept(OPS[node.op](node, *(known[name] for name in node.inputs)), node.width)
    if node.fault is None:
        return value
    return faulty(node.fault, node.width, value, golden.get(node.fault.wire or node.name, value), span)


def kept(value: Words, width: Width) -> Words:
    """What a register keeps of int64 values."""
    if width.bits >= 64:
        return value
    if width.signed:
        spare = 64 - width.bits
        shifted = np.asarray(value << spare)
        return np.right_shift(shifted, spare, out=shifted) if shifted.ndim else np.asarray(shifted >> spare)
    return np.asarray(value & ((1 << width.bits) - 1))


def faulty(fault: Fault, width: Width, value: Words, golden: Words, span: Span) -> Words:
    """What a faulty wire carries. golden: the wire in the whole run, of which `value` is the part `span`."""
    if fault.kind in BITS:
        return kept(BITS[fault.kind](value, *fault.numbers), width)
    if fault.kind == "narrower":
        return kept(value, Width(width.bits - fault.numbers[0], width.signed))
    if fault.kind == "previous_vector":
        if len(golden) == 1:
            return value
        start, stop = span if span != WHOLE else (0, len(golden))
        before = golden[np.maximum(np.arange(start - 1, stop - 1), 0)]
        if start == 0:
            before[0] = value[0]  # behind the reset there is no vector before
        return before
    if fault.kind == "first_vector":
        return np.broadcast_to(golden[:1], value.shape)
    if fault.kind == "previous_element":
        return np.concatenate((value[:, :1], value[:, :-1]), axis=1)
    if fault.kind == "rotated_elements":
        return np.roll(value, 1, axis=1)
    if fault.kind == "reversed_lanes":
        return value[:, :, ::-1]
    if fault.kind == "swapped_lanes":
        order = np.arange(value.shape[2])
        even = order[: len(order) // 2 * 2]
        order[: len(even)] = even ^ 1
        return value[:, :, order]
    if fault.kind == "transposed":
        return _transposed(value, fault.numbers[0])
    raise AssertionError(fault.kind)


def _transposed(value: Words, side: int) -> Words:
    """Every whole square tile [elements, lanes] of `side` transposed."""
    found = value.copy()
    for row in range(0, value.shape[1] - side + 1, side):
        for lane in range(0, value.shape[2] - side + 1, side):
            tile = value[:, row : row + side, lane : lane + side]
            found[:, row : row + side, lane : lane + side] = tile.swapaxes(1, 2)
    return found


def _swapped(value: Words, one: int, other: int) -> Words:
    differ = ((value >> one) ^ (value >> other)) & 1
    return np.asarray(value ^ (differ << one) ^ (differ << other))


BITS: dict[str, Callable[..., Words]] = {
    "stuck_at_0": lambda value, bit: value & ~(np.int64(1) << bit),
    "stuck_at_1": lambda value, bit: value | (np.int64(1) << bit),
    "inverted_bit": lambda value, bit: value ^ (np.int64(1) << bit),
    "swapped_bits": _swapped,
}


def _divide(node: Node, a: Words, b: Words) -> Words:
    quotient = a // np.maximum(b, 1)
    rest = a - quotient * b
    if node.op == "divide_up":
        quotient = quotient + (rest > 0)
    if node.op == "divide_near":
        quotient = quotient + (rest >= b - rest)
    return np.where(b == 0, -1, quotient)


def _root(node: Node, a: Words) -> Words:
    """From float64, then put right: its error at 63 bits is below 1."""
    guess = np.sqrt(a.astype(np.float64)).astype(np.int64)
    guess = guess - (guess > _ROOT_MAX) - (guess * guess > a)
    guess = guess + ((guess < _ROOT_MAX) & ((guess + 1) * (guess + 1) <= a))
    if node.op == "root_up":
        return np.asarray(guess + (guess * guess < a))
    if node.op == "root_near":
        return np.asarray(guess + (a - guess * guess > guess))
    return guess


_ROOT_MAX = math.isqrt((1 << 63) - 1)


def _read(node: Node, memory: Words, address: Words) -> Words:
    flat = memory.reshape(-1)
    inside = (address >= 0) & (address < flat.size)
    return np.where(inside, flat[np.where(inside, address, 0)], 0)


def _broken(node: Node, a: Words, b: Words) -> Words:
    k = node.numbers[0]
    low = (np.int64(1) << k) - 1
    return np.asarray((((a >> k) + (b >> k)) << k) | (((a & low) + (b & low)) & low))


OPS: dict[str, Callable[..., Words]] = {
    "wire": lambda node, a: a,
    "add": lambda node, a, b: a + b,
    "sub": lambda node, a, b: a - b,
    "mul": lambda node, a, b: a * b,
    "and": lambda node, a, b: a & b,
    "or": lambda node, a, b: a | b,
    "xor": lambda node, a, b: a ^ b,
    "add_broken_carry": _broken,
    "shl": lambda node, a, b: a << (b & 63),
    "shr": lambda node, a, b: a >> (b & 63),
    "lt": lambda node, a, b: (a < b).astype(np.int64),
    "le": lambda node, a, b: (a <= b).astype(np.int64),
    "eq": lambda node, a, b: (a == b).astype(np.int64),
    "select": lambda node, c, a, b: np.asarray(np.where(c != 0, a, b), np.int64),
    "wrap": lambda node, a: kept(a, Width(node.numbers[0], bool(node.numbers[1]))),
    "divide": _divide,
    "divide_up": _divide,
    "divide_near": _divide,
    "root": _root,
    "root_up": _root,
    "root_near": _root,
    "read": _read,
}


def _fold(node: Node, inputs: list[Words]) -> Words:
    """Run the body once an element of the elements' common length; a state is [vectors, 1, lanes]."""
    body, (states, tile) = node.body, node.numbers
    assert body is not None
    current, elements = list(inputs[:states]), inputs[states:]
    length = max(each.shape[1] for each in elements)
    for t in range(length):
        controls = {
            "first": t == 0,
            "last": t == length - 1,
            "tile_first": t % tile == 0,
            "tile_last": t % tile == tile - 1 or t == length - 1,
        }
        wires: Trace = {}
        for each in body.nodes:
            if each.op == "state":
                wires[each.name] = _sourced(each, current[each.numbers[0]])
            elif each.op == "element":
                array = elements[each.numbers[0]]
                wires[each.name] = _sourced(each, array[:, t : t + 1] if array.shape[1] > 1 else array)
            elif each.op in controls:
                wires[each.name] = _sourced(each, np.full((1, 1, 1), controls[each.op], np.int64))
            else:
                wires[each.name] = _node(each, wires, wires, WHOLE)
        current = [wires[name] for name in body.outputs]
    shape = np.broadcast_shapes(*(each[:, :1].shape for each in inputs))
    return kept(np.broadcast_to(current[0], shape), node.width)


def _sourced(node: Node, value: Words) -> Words:
    value = kept(value, node.width)
    return value if node.fault is None else faulty(node.fault, node.width, value, value, WHOLE)
