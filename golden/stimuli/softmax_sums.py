"""Rows of a softmax solved for their sum: what the divider, the product and the rounding behind them need.

With e an exponential, S their sum, r = floor(2^R / S) and h = R - P: which S and e make e * r a tie, its neighbour,
or so near to a tie that the lowest bit of r decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bittrue.golden.stimuli.draw import between
from bittrue.golden.stimuli.solve import inverse
from bittrue.spec.coverage.softmax import divisors_between
from bittrue.spec.units.softmax.table import TableSoftmax
from bittrue.spec.vectors import Integers


@dataclass(frozen=True)
class Wanted:
    """A row with this sum that holds this exponential besides the maximum's."""

    total: int
    exponential: int


def top_of(unit: TableSoftmax) -> int:
    """The exponential of the maximum."""
    return (1 << unit.exponential_bits) - 1


def longest_sum(unit: TableSoftmax, n: int) -> int:
    """The largest sum that n exponentials can be put together to, whatever it is: the rest needs a weight a bit."""
    return (n - unit.exponential_bits - 2) * top_of(unit)


def products(unit: TableSoftmax, rng: np.random.Generator, largest: int, rest: int, count: int) -> list[Wanted]:
    """Rows with e * r = k * 2**h + rest, k >= 0, `rest` odd."""
    bits, top = unit.reciprocal_bits - unit.probability_bits, top_of(unit)
    totals = between(rng, 2 * top, largest, 1 << 18)
    reciprocals = (1 << unit.reciprocal_bits) // totals
    odd = reciprocals % 2 == 1
    totals, reciprocals = totals[odd], reciprocals[odd]
    with np.errstate(over="ignore"):
        e = (inverse(reciprocals, bits) * rest) & ((1 << bits) - 1)
    found = np.flatnonzero(e < top)[:count]
    return list(dict.fromkeys(Wanted(int(totals[i]), int(e[i])) for i in found))


def fractions(unit: TableSoftmax, largest: int, product: int, count: int) -> list[Wanted]:
    """Rows with e * r = product exactly, for a product below 2**h."""
    e = divisors_between(product, 1, top_of(unit) - 1)
    reciprocal = product // e
    total = (1 << unit.reciprocal_bits) // reciprocal
    kept = ((1 << unit.reciprocal_bits) // total == reciprocal) & (total <= largest) & (total >= 2 * top_of(unit))
    return [Wanted(int(t), int(x)) for t, x in zip(total[kept], e[kept], strict=True)][:count]


def near_ties(unit: TableSoftmax, rng: np.random.Generator, largest: int, table: Integers, count: int) -> list[Wanted]:
    """Rows in which r + 1, or r - 1, would move e * r past a tie: `count` of each."""
    bits, top = unit.reciprocal_bits - unit.probability_bits, top_of(unit)
    e = table[(table > 1 << (unit.exponential_bits - 3)) & (table < top)]
    totals = between(rng, 2 * top, min(largest, 1 << 22), (6000, 1))
    past = (e * ((1 << unit.reciprocal_bits) // totals) - (1 << (bits - 1))) & ((1 << bits) - 1)
    found: list[Wanted] = []
    for near in (past < e, past >= (1 << bits) - e):
        rows, columns = np.nonzero(near)
        found += [Wanted(int(totals[i, 0]), int(e[j])) for i, j in zip(rows[:count], columns[:count], strict=True)]
    return found


def divisions(unit: TableSoftmax, largest: int) -> list[int]:
    """Sums that divide 2**R, leave 1, and leave themselves less 1."""
    power, top = 1 << unit.reciprocal_bits, top_of(unit)
    return [
        int(total)
        for dividend in (power, power - 1, power + 1)
        for total in divisors_between(dividend, top, largest)[:10]
    ]


def row_of(table: Integers, n: int, wanted: Wanted, rng: np.random.Generator) -> Integers:
    """Differences to the maximum, [n], whose exponentials hold `wanted`: in any order, filled with exponentials of 0.

    The table holds 0, every power of two and the wanted exponential; wanted.total <= longest_sum.
    """
    top = int(table[0])
    index = {int(value): distance for distance, value in reversed(list(enumerate(table)))}
    rest = wanted.total - top - (wanted.exponential if wanted.exponential < top else 0)
    chosen = [0] + [index[wanted.exponential]] * (wanted.exponential < top)
    whole, bits = divmod(rest, top)
    chosen += [0] * whole + [index[1 << bit] for bit in range(bits.bit_length()) if bits >> bit & 1]
    assert rest >= 0 and len(chosen) <= n, (wanted, n)
    return rng.permutation(np.array(chosen + [index[0]] * (n - len(chosen)), np.int64))
