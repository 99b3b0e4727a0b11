"""Tables for a softmax: exponentials rounded from exact arithmetic, and contents made to be told apart or added up."""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction

import numpy as np

from bittrue.golden.stimuli.draw import between
from bittrue.spec.units.softmax.table import TableSoftmax
from bittrue.spec.vectors import Integers


def exponential_table(unit: TableSoftmax, step: Fraction) -> Integers:
    """round(top * exp(-d * step)) for every difference d of logits, half up; top = 2**exponential_bits - 1.

    Decimal arithmetic of 60 digits is exact enough: no entry lies within 1e-40 of a tie but 0 and top themselves.
    """
    exact, top = Context(prec=60), (1 << unit.exponential_bits) - 1
    found = []
    for distance in range(1 << unit.logit_bits_max):
        power = distance * step
        exponent = exact.divide(Decimal(-power.numerator), Decimal(power.denominator))
        value = exact.multiply(Decimal(top), exact.exp(exponent))
        found.append(int(exact.add(value, Decimal("0.5"))))
    return np.array(found, np.int64)


def mixed_table(unit: TableSoftmax, rng: np.random.Generator) -> Integers:
    """No two entries alike, in no order; the first is the top, as the unit demands."""
    top, entries = (1 << unit.exponential_bits) - 1, 1 << unit.logit_bits_max
    found = rng.permutation(np.unique(between(rng, 1, top - 1, 4 * entries)))[:entries]
    found = np.resize(found, entries)
    found[0] = top
    return found


def complement_table(unit: TableSoftmax, table: Integers) -> Integers:
    """Every bit of every entry the other way round, but for the first."""
    found = ((1 << unit.exponential_bits) - 1) ^ table
    found[0] = table[0]
    return found


def weights_table(unit: TableSoftmax, rng: np.random.Generator, wanted: list[int]) -> Integers:
    """0, every power of two and the wanted entries, in mixed order behind the top: any sum can be put together."""
    top, entries = (1 << unit.exponential_bits) - 1, 1 << unit.logit_bits_max
    needed = sorted({0, *(1 << bit for bit in range(unit.exponential_bits)), *wanted} - {top})
    room = entries - 1 - len(needed)
    filler = [int(value) for value in between(rng, 1, top - 1, max(room, 0))]
    behind = np.array((needed + filler)[: entries - 1], np.int64)
    return np.concatenate([[top], rng.permutation(behind)]).astype(np.int64)
