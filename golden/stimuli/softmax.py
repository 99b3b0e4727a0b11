"""Stimuli of the softmax by a table of exponentials.

Directed: rows in which each position and each bit of a logit decides the maximum; tables that tell any two addresses
and any two bits apart; rows solved for their sum, so that the divider meets its remainders and the lowest bit of the
reciprocal decides a rounding; the longest row; neighbours in time whose maximum or sum must not be kept.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bittrue.golden.stimuli.draw import between, generator
from bittrue.golden.stimuli.exponentials import complement_table, exponential_table, mixed_table, weights_table
from bittrue.golden.stimuli.softmax_sums import (
    Wanted,
    divisions,
    fractions,
    longest_sum,
    near_ties,
    products,
    row_of,
    top_of,
)
from bittrue.spec.coverage.softmax import softmax_served
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.softmax.table import TableSoftmax
from bittrue.spec.vectors import Integers, Stimuli, StimulusKind


def softmax_stimuli(datapath: Datapath, kind: StimulusKind, seed: int) -> tuple[Stimuli, ...]:
    """Sets of one kind for the unit `softmax`."""
    unit = softmax_served(datapath)
    rng = generator(seed, "softmax", kind)
    if kind == "directed":
        return (*_maxima(unit, rng), *_addresses(unit, rng), *_sums(unit, rng), *_long(unit, rng))
    return tuple(_drawn(unit, rng, kind, n, rows) for n, rows in ((16, 1000), (49, 400), (64, 200)))


def _set(name: str, logits: Integers, table: Integers, kind: StimulusKind = "directed") -> Stimuli:
    return Stimuli("softmax", name, kind, {"logits": np.asarray(logits, np.int64)}, {"table": table})


def _ends(unit: TableSoftmax) -> tuple[int, int]:
    """The lowest and the highest signed logit."""
    return -(1 << (unit.logit_bits_max - 1)), (1 << (unit.logit_bits_max - 1)) - 1


def _maxima(unit: TableSoftmax, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Where the maximum stands, and which bit makes it one."""
    low, high = _ends(unit)
    table, steep = exponential_table(unit, Fraction(1, 16)), exponential_table(unit, Fraction(2))
    sets = [
        _set("one", np.array([[low], [-1], [0], [1], [high], [low], [-37]]), table),
        _set("two", np.concatenate([_bit_pairs(unit), _bit_pairs(unit)[:, ::-1]]), table),
        _set("three", _positions(unit, rng, 3, 12), table),
        _set("sixteen", np.concatenate([_shapes(unit, 16), _positions(unit, rng, 16, 5)]), table),
        _set("seventeen", np.concatenate([_shapes(unit, 17), _positions(unit, rng, 17, 2)]), table),
        _set("steep", np.concatenate([_shapes(unit, 16), _positions(unit, rng, 16, 1)]), steep),
    ]  # fmt: skip
    unsigned = np.concatenate([_shapes(unit, 16), _positions(unit, rng, 16, 2)]) - low
    return (*sets, _set("unsigned", unsigned, mixed_table(unit, rng)))


def _bit_pairs(unit: TableSoftmax) -> Integers:
    """[pairs, 2]: two logits that differ in one bit, the other bits being anything in particular; and both ends."""
    low, high = _ends(unit)
    bits = unit.logit_bits_max
    words = [0, (1 << bits) - 1, 0x55 & ((1 << bits) - 1), 0xAA & ((1 << bits) - 1), 0x33, 0x0F, 0xC9]
    pairs = [(word, word ^ (1 << bit)) for word in words for bit in range(bits)]
    signed = [[value - (1 << bits) if value > high else value for value in pair] for pair in pairs]
    return np.array([*signed, [low, high], [-1, 0], [0, 0], [low, low], [high, high]], np.int64)


def _shapes(unit: TableSoftmax, n: int) -> Integers:
    """[rows, n]: equal, ascending, descending, by turns, one-hot, as lower rows behind higher ones."""
    low, high = _ends(unit)
    steps = np.arange(n, dtype=np.int64)
    found = [np.full(n, value) for value in (high, low, 0, -1)]
    for step in (1, 3, 7):
        for start in (high - step * n, -step * (n // 2), low + step):
            found += [start + step * steps, (start + step * steps)[::-1]]
    found += [np.where(steps % 2 == odd, low, high) for odd in (0, 1)]
    for position in (0, n // 2, n - 1):
        found += [np.where(steps == position, high, low), np.where(steps == position, low + 40, low)]
    ends = np.where((steps == 0) | (steps == n - 1), 20, -20)
    found += [ends, ends - 60, np.where(steps < n // 2, -100, 100), np.where(steps < n // 2, 100, -100)]
    values: Integers = np.clip(np.stack(found), low, high)
    return values


def _positions(unit: TableSoftmax, rng: np.random.Generator, n: int, each: int) -> Integers:
    """[rows, n]: the maximum alone at every position in turn, by one or by far, over logits of both signs."""
    low, high = _ends(unit)
    rows = []
    for index in range(each * n):
        base = int(rng.integers(low + 60, high - 1))
        row = between(rng, max(low, base - int(rng.integers(1, 60))), base, n)
        if index % 3 == 0:
            row[rng.integers(0, n)] = base
        row[index % n] = base + 1 if index % 2 else int(rng.integers(base + 1, high, endpoint=True))
        rows.append(row)
    return np.stack(rows)


def _addresses(unit: TableSoftmax, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Every difference to the maximum, at mixed places of a row."""
    _, high = _ends(unit)
    mixed = mixed_table(unit, rng)
    rows = []
    for _ in range(2):
        distances = rng.permutation(1 << unit.logit_bits_max).astype(np.int64)
        for part in distances.reshape(-1, 16 if distances.size % 16 == 0 else distances.size):
            rows.append(rng.permutation(np.concatenate([part, [0]])))
    logits = high - np.stack(rows)
    return _set("mixed", logits, mixed), _set("complement", logits, complement_table(unit, mixed))


def _sums(unit: TableSoftmax, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Rows of 48 and 512 put together for their sum."""
    _, high = _ends(unit)
    sets = []
    for name, n in (("sums", 48), ("long_sums", 512)):
        wanted = _wanted(unit, rng, n)
        table = weights_table(unit, rng, [row.exponential for row in wanted])
        if n < 100:
            wanted += near_ties(unit, rng, longest_sum(unit, n), table, 60)
        distances = np.stack([row_of(table, n, row, rng) for row in wanted])
        sets.append(_set(name, high - distances, table))
    return tuple(sets)


def _wanted(unit: TableSoftmax, rng: np.random.Generator, n: int) -> list[Wanted]:
    top, largest = top_of(unit), longest_sum(unit, n)
    half = 1 << (unit.reciprocal_bits - unit.probability_bits - 1)
    few = n > 100
    found = [row for rest in (half - 1, half + 1) for row in products(unit, rng, largest, rest, 2 if few else 10)]
    found += [row for product in (half - 1, half + 1) for row in fractions(unit, largest, product, 3)]
    totals = divisions(unit, largest)
    first = max(2 * top, 1 << (2 * unit.exponential_bits - unit.exponential_bits))
    # Ties: where the sum is a power of two, a small odd exponential leaves exactly a half.
    found += [
        Wanted(power, e)
        for power in totals[:10]
        if power & (power - 1) == 0 and power >= first
        for e in (1, 2, 3, 4, 5, 8, 255, 4097)
        if power - top - e >= 0
    ]
    if few:
        totals += [1 << bit for bit in range(20, largest.bit_length() - 1)]
    else:
        # Sums just above the top are seen in the output to their last bit.
        totals += [top + small for small in range(12)] + [top + (1 << bit) for bit in range(unit.exponential_bits)]
        totals += [int(x) for x in between(rng, top, 4 * top, 40)] + [int(x) for x in between(rng, top, largest, 40)]
        totals += [(1 << bit) - 1 for bit in range(top.bit_length() + 1, largest.bit_length() - 1)]
    return found + [Wanted(total, top) for total in dict.fromkeys(totals) if top <= total <= largest]


def _long(unit: TableSoftmax, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """More than 256 equal logits, and the longest row: the largest sum, and each upper bit of a sum as 0 and 1."""
    low, high = _ends(unit)
    table = exponential_table(unit, Fraction(1, 16))
    equal = np.concatenate([np.full((1, 257), high), np.full((1, 257), low), _shapes(unit, 257)[:6]])
    odd = [_set(f"equal_{size}", np.full((1, size), high), table) for size in (1537, 1538, 3074) if size < unit.row_max]
    n = unit.row_max
    longest = np.full((8, n), low, np.int64)
    longest[0] = high
    for row, share in enumerate((2, 4, 8), start=1):
        longest[row, : n // share + row] = high
    longest[4] = rng.integers(low, high, n)
    longest[5, -1] = high
    # Sums with their top bit set, of exponentials of all sizes.
    longest[6:] = between(rng, high - 8, high, (2, n))
    return _set("equal_257", equal, table), *odd, _set("longest", longest, table)


def _drawn(unit: TableSoftmax, rng: np.random.Generator, kind: StimulusKind, n: int, rows: int) -> Stimuli:
    """uniform: any logit; shaped: normal logits, as attention scores are."""
    low, high = _ends(unit)
    table = exponential_table(unit, Fraction(1, 16))
    if kind == "uniform":
        return _set(f"uniform_{n}", between(rng, low, high, (rows, n)), table, kind)
    logits = np.rint(rng.normal(0, 24, (rows, n)) + rng.normal(0, 10, (rows, 1)))
    return _set(f"shaped_{n}", np.clip(logits, low, high).astype(np.int64), table, kind)
