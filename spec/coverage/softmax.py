"""Bins of the softmax by a table of exponentials: rows, table, sum, reciprocal, rounding.

With e an exponential, S their sum and r = floor(2^R / S), the probability is e * r, shifted by R - P and rounded. S
holds the exponential of the maximum, T = 2^E - 1; hence S >= T, and an output near its top needs e = T and S just
above T.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from bittrue.spec.coverage.bins import Bin, Found, Mask, Point, Seen, points
from bittrue.spec.coverage.cases import CASES, rounding_case, toggle_bins, value_bins
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.softmax.table import TableSoftmax
from bittrue.spec.vectors import Integers

RowTest = Callable[[Integers], Found]


def softmax_served(datapath: Datapath) -> TableSoftmax:
    """The softmax unit if its bins and stimuli are declared, else a refusal."""
    unit = datapath.softmax
    if not isinstance(unit, TableSoftmax) or unit.reciprocal_bits > 48:
        raise Unsupported(
            "bins are declared for a softmax by a table of exponentials",
            where=f"datapath {datapath.name}",
            got=unit.kind if unit else None,
            expected="kind table, at most 48 reciprocal bits",
        )
    return unit


def softmax_points(datapath: Datapath) -> tuple[Point, ...]:
    """Of the unit `softmax`."""
    unit = softmax_served(datapath)
    top, entries = (1 << unit.exponential_bits) - 1, 1 << unit.logit_bits_max
    largest = unit.row_max * top
    shift = unit.reciprocal_bits - unit.probability_bits
    return points(
        [_rows(name, meaning, test) for name, (meaning, test) in ROWS.items()],
        [_length(label, n) for label, n in _lengths(unit).items()],
        [_difference(distance) for distance in range(entries)],
        [Point(Bin(f"codes/{label}", text), test) for label, (text, test) in CODES.items()],
        toggle_bins("exponential", lambda seen: seen.each("exponential"), range(unit.exponential_bits)),
        toggle_bins("sum", lambda seen: seen.row("sum"), range(largest.bit_length())),
        toggle_bins(
            "reciprocal",
            lambda seen: seen.row("reciprocal"),
            range(((1 << unit.reciprocal_bits) // top).bit_length()),
        ),
        value_bins("sum", "the sum of a row", {"least": top, "largest": largest}, lambda seen: seen.row("sum")),
        [_division(label, unit) for label in ("exact", "remainder_1", "one_short")],
        [_rounding(case, small, shift) for case in CASES for small in (True, False)],
        [_output(label, unit) for label in ("0", "1", "top-1", "top", "saturated")],
        [_after(label) for label in ("lower", "higher", "smaller_sum")],
    )


def _first(logits: Integers) -> Integers:
    values: Integers = logits.argmax(axis=1)
    return values


def _maxima(logits: Integers) -> Integers:
    values: Integers = (logits == logits.max(axis=1, keepdims=True)).sum(axis=1)
    return values


def _rises(logits: Integers) -> Integers:
    """How often the running maximum changes behind the first element."""
    values: Integers = (np.diff(np.maximum.accumulate(logits, axis=1), axis=1) > 0).sum(axis=1)
    return values


def _single(logits: Integers, position: Callable[[int], int]) -> Mask:
    n = logits.shape[1]
    mask: Mask = (n > 2) & (_maxima(logits) == 1) & (_first(logits) == position(n))
    return mask


def _both_ends(logits: Integers) -> Mask:
    two = (_maxima(logits) == 2) & np.array(logits.shape[1] > 2)
    mask: Mask = two & (logits[:, 0] == logits[:, -1]) & (_first(logits) == 0)
    return mask


def _all_but_first(logits: Integers, count: Integers) -> Mask:
    """Where something that happens between neighbours happens all along a row of more than 2."""
    mask: Mask = (count == logits.shape[1] - 1) & np.array(logits.shape[1] > 2)
    return mask


def _alternating(logits: Integers) -> Mask:
    return _all_but_first(logits, (np.abs(np.diff(logits)) == 255).sum(axis=1))


ROWS: Mapping[str, tuple[str, RowTest]] = {
    "equal": ("all logits are equal, more than one", lambda q: (q.shape[1] > 1) & (_maxima(q) == q.shape[1])),
    "equal_over_256": ("more than 256 logits, all equal", lambda q: (q.shape[1] > 256) & (_maxima(q) == q.shape[1])),
    "ascending": ("the running maximum rises at every element", lambda q: _all_but_first(q, _rises(q))),
    "descending": ("every logit is below the one before it", lambda q: _all_but_first(q, (np.diff(q) < 0).sum(axis=1))),
    "max_first": ("only the first logit is the maximum", lambda q: _single(q, lambda n: 0)),
    "max_last": ("only the last logit is the maximum", lambda q: _single(q, lambda n: n - 1)),
    "max_inside": ("only the middle logit is the maximum", lambda q: _single(q, lambda n: n // 2)),
    "max_at_both_ends": ("the first and the last logit are the maximum, no other", _both_ends),
    "rises_once": ("the running maximum rises once", lambda q: _rises(q) == 1),
    "alternating": ("the lowest and the highest code by turns", _alternating),
}  # fmt: skip


def _rows(name: str, meaning: str, test: RowTest) -> Point:
    return Point(Bin(f"row/{name}", meaning), lambda seen: test(seen.arrays["logits"]))


def _one_hot(seen: Seen) -> Mask:
    mask: Mask = (seen.arrays["logits"].shape[1] > 1) & ((seen.each("exponential") > 0).sum(axis=1) == 1)
    return mask


CODES: Mapping[str, tuple[str, Callable[[Seen], Found]]] = {
    "one_hot": ("all exponentials but one are 0", _one_hot),
    "lowest": ("every logit is -128", lambda seen: (seen.arrays["logits"] == -128).all(axis=1)),
    "highest": ("every logit is 127", lambda seen: (seen.arrays["logits"] == 127).all(axis=1)),
    "both_signs": (
        "the maximum is positive, the last logit negative",
        lambda seen: (seen.row("maximum") > 0) & (seen.arrays["logits"][:, -1] < 0),
    ),
    "negative": ("the maximum is negative", lambda seen: seen.row("maximum") < 0),
    "unsigned": ("a logit is above 127", lambda seen: (seen.arrays["logits"] > 127).any(axis=1)),
}


def _lengths(unit: TableSoftmax) -> dict[str, int]:
    return {"1": 1, "2": 2, "3": 3, "16": 16, "17": 17, "longest": unit.row_max}


def _length(label: str, n: int) -> Point:
    return Point(Bin(f"length/{label}", f"a row has {n} logits"), lambda seen: seen.arrays["logits"].shape[1] == n)


def _difference(distance: int) -> Point:
    def reached(seen: Seen) -> Mask:
        mask: Mask = seen.row("maximum")[:, None] - seen.arrays["logits"] == distance
        return mask

    return Point(Bin(f"table/{distance}", f"entry {distance} of the table is read"), reached)


def _division(label: str, unit: TableSoftmax) -> Point:
    meaning = {
        "exact": "the sum divides 2^R",
        "remainder_1": "the division leaves 1",
        "one_short": "the division leaves the sum less 1",
    }[label]

    def reached(seen: Seen) -> Mask:
        total = seen.row("sum")
        rest = (1 << unit.reciprocal_bits) % total
        mask: Mask = rest == {"exact": 0, "remainder_1": 1, "one_short": total - 1}[label]
        return mask

    why = _no_remainder(unit, label)
    return Point(Bin(f"division/{label}", meaning, why), reached)


def _no_remainder(unit: TableSoftmax, label: str) -> str:
    """Why no sum leaves such a remainder; empty where one does."""
    power, top = 1 << unit.reciprocal_bits, (1 << unit.exponential_bits) - 1
    dividend = {"exact": power, "remainder_1": power - 1, "one_short": power + 1}[label]
    if divisors_between(dividend, top, top * unit.row_max).size:
        return ""
    return f"no divisor of {dividend} is a sum, {top}..{top * unit.row_max}"


def divisors_between(number: int, low: int, high: int) -> Integers:
    """The divisors of a number within low..high, int64, ascending. For numbers below 2**50."""
    found = _divisors(number)
    return found[(found >= low) & (found <= high)]


@lru_cache
def _divisors(number: int) -> Integers:
    small = np.arange(1, math.isqrt(number) + 1, dtype=np.int64)
    small = small[number % small == 0]
    return np.unique(np.concatenate([small, number // small]))


def _rounding(case: str, small: bool, shift: int) -> Point:
    def reached(seen: Seen) -> Mask:
        product = seen.each("exponential") * seen.row("reciprocal")[:, None]
        mask: Mask = rounding_case(product, np.int64(shift), case) & ((product >> shift == 0) == small)
        return mask

    size = "below 1" if small else "of 1 and more"
    return Point(
        Bin(f"rounding/{case}.{'fraction' if small else 'whole'}", f"{CASES[case]}, an output {size}"), reached
    )


def _output(label: str, unit: TableSoftmax) -> Point:
    top = (1 << unit.probability_bits) - 1
    shift = unit.reciprocal_bits - unit.probability_bits
    wanted = {"0": 0, "1": 1, "top-1": top - 1, "top": top, "saturated": top + 1}[label]

    def reached(seen: Seen) -> Mask:
        product = seen.each("exponential") * seen.row("reciprocal")[:, None]
        near = (product + (1 << (shift - 1))) >> shift
        mask: Mask = (seen.each("output") == min(wanted, top)) & (near == wanted)
        return mask

    return Point(Bin(f"output/{label}", f"a probability is {wanted} before it is limited to {top}"), reached)


def _after(label: str) -> Point:
    def reached(seen: Seen) -> Mask:
        maximum, total = seen.row("maximum"), seen.row("sum")
        mask = np.zeros(len(maximum), bool)
        mask[1:] = {
            "lower": maximum[1:] < maximum[:-1],
            "higher": maximum[1:] > maximum[:-1],
            "smaller_sum": total[1:] < total[:-1],
        }[label]
        return mask

    meaning = {
        "lower": "the maximum is below that of the row before",
        "higher": "the maximum is above that of the row before",
        "smaller_sum": "the sum is below that of the row before",
    }[label]
    return Point(Bin(f"after/{label}", meaning), reached)
