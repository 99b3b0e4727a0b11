"""Bins of the norm unit of kind `exact`: rows, statistics, root, reciprocal, both roundings, gamma and beta.

With n codes c a row, S1 and S2 their sums, V = n*S2 - S1*S1 + epsilon, R = floor(sqrt(V << 2k)), r = floor(2^p / R):
the normalized value u is (n*c - S1) * r, shifted by p - k - f and rounded; the output u * gamma + beta, shifted and
rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from bittrue.spec.arithmetic import round_shift
from bittrue.spec.coverage.bins import Bin, Found, Mask, Point, Seen, points
from bittrue.spec.coverage.cases import (
    CASES,
    SIGNS,
    has_sign,
    rounding_case,
    rounding_cross,
    toggle_bins,
    unsaturated,
    value_bins,
)
from bittrue.spec.coverage.requantize import ZERO_POINTS
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.norm.exact import ExactNorm
from bittrue.spec.units.section import Width
from bittrue.spec.vectors import Integers

LENGTHS = {"1": 1, "2": 2, "3": 3, "16": 16, "17": 17, "long": 1024}
SUM_BITS = 18
"""Of the sum of 1024 signed codes of 8 bits, its sign included."""


def norm_served(datapath: Datapath) -> ExactNorm:
    """The norm unit if its bins and stimuli are declared, else a refusal."""
    unit = datapath.norm
    if not isinstance(unit, ExactNorm) or unit.statistics_overflow != "refuse" or unit.variance_bits != 62:
        raise Unsupported(
            "bins are declared for a norm by the exact identity whose statistics may not overflow",
            where=f"datapath {datapath.name}",
            got=unit.kind if unit else None,
            expected='kind exact, variance_bits 62, statistics_overflow "refuse"',
        )
    return unit


def norm_points(datapath: Datapath) -> tuple[Point, ...]:
    """Of the unit `norm`."""
    unit = norm_served(datapath)
    longest = LENGTHS["long"]
    root_shift, reciprocal_bits = unit.root_shift_and_reciprocal_bits(Width(8, True), longest, 1)
    gamma = {"0": 0, "1": 1, "-1": -1, "max": (1 << unit.multiplier_bits) - 1, "min": -(1 << unit.multiplier_bits) + 1}

    def placed(seen: Seen) -> Integers:
        return seen.once("placed", lambda: _rounded(unit, seen) + seen.each("zero_point"))

    def shift(seen: Seen) -> Integers:
        return seen.each("shift")

    return points(
        [_length(label, n) for label, n in LENGTHS.items()],
        [_row(label, meaning, test) for label, (meaning, test) in ROWS.items()],
        value_bins("sum", "the sum of a row", {"0": 0}, lambda seen: seen.row("sum")),
        [_sum_sign(sign) for sign in SIGNS],
        toggle_bins("sum", lambda seen: seen.row("sum"), range(SUM_BITS)),
        toggle_bins("sum_of_squares", lambda seen: seen.row("sum_of_squares"), range(25)),
        toggle_bins("variance", lambda seen: seen.row("variance"), range(unit.variance_bits)),
        toggle_bins("root", lambda seen: seen.row("root"), range(unit.variance_bits // 2)),
        toggle_bins("reciprocal", lambda seen: seen.row("reciprocal"), range(reciprocal_bits - root_shift + 1)),
        toggle_bins("normalized", lambda seen: seen.each("normalized"), range(unit.fraction_bits + 6)),
        [_root(label) for label in ("exact", "one_short", "below_square", "above_square")],
        [_division(label) for label in ("exact", "remainder_1", "one_short")],
        [_normalizing(unit, case, sign) for case in CASES for sign in SIGNS],
        rounding_cross(_scaled, shift, placed),
        [_shift(number, placed) for number in range(1, unit.shift_max + 1)],
        value_bins("multiplier", "gamma", gamma),
        toggle_bins("multiplier", lambda seen: seen.each("multiplier"), range(unit.multiplier_bits + 1)),
        value_bins("zero_point", "the zero point", ZERO_POINTS),
        [_beta(label) for label in ("0", *SIGNS)],
        [
            Point(Bin("codes/signed", "a code is negative"), lambda seen: (seen.arrays["codes"] < 0).any(axis=1)),
            Point(Bin("codes/unsigned", "a code is above 127"), lambda seen: (seen.arrays["codes"] > 127).any(axis=1)),
            Point(Bin("after/smaller", "the variance is below that of the row before"), _smaller),
        ],
    )


def _numerator(seen: Seen) -> Integers:
    codes = seen.arrays["codes"]
    values: Integers = codes.shape[1] * codes - seen.row("sum")[:, None]
    return values


def _scaled(seen: Seen) -> Integers:
    return seen.each("normalized") * seen.each("multiplier") + seen.each("bias")


def _rounded(unit: ExactNorm, seen: Seen) -> Integers:
    found: Integers = round_shift(_scaled(seen), seen.each("shift"), unit.rounding)
    return found


def _length(label: str, n: int) -> Point:
    return Point(
        Bin(f"length/{label}", f"a row has {n} codes"), lambda seen: np.array(seen.arrays["codes"].shape[1] == n)
    )


def _outlier(codes: Integers, position: int) -> Mask:
    """All codes but that at the position are equal, and it is not."""
    n = codes.shape[1]
    if n < 3:
        return np.zeros(len(codes), bool)
    rest = np.delete(codes, position % n, axis=1)
    mask: Mask = (rest == rest[:, :1]).all(axis=1) & (codes[:, position % n] != rest[:, 0])
    return mask


def _ends(codes: Integers) -> Mask:
    """Half of the codes at the lowest of 8 bits and half at the highest."""
    n = codes.shape[1]
    lowest, highest = (codes == -128).sum(axis=1), (codes == 127).sum(axis=1)
    mask: Mask = (lowest + highest == n) & (np.abs(lowest - highest) <= 1) & (n > 1)
    return mask


ROWS: Mapping[str, tuple[str, Callable[[Integers], Found]]] = {
    "constant": ("all codes are equal", lambda c: (c == c[:, :1]).all(axis=1) & (c.shape[1] > 1)),
    "lowest": ("every code is -128", lambda c: (c == -128).all(axis=1)),
    "highest": ("every code is 127", lambda c: (c == 127).all(axis=1)),
    "zeros": ("every code is 0", lambda c: (c == 0).all(axis=1)),
    "outlier_first": ("all codes are equal but the first", lambda c: _outlier(c, 0)),
    "outlier_inside": ("all codes are equal but the middle one", lambda c: _outlier(c, c.shape[1] // 2)),
    "outlier_last": ("all codes are equal but the last", lambda c: _outlier(c, -1)),
    "largest_variance": ("half of the codes at either end", _ends),
    "ascending": ("codes ascend", lambda c: (np.diff(c, axis=1) > 0).all(axis=1) & (c.shape[1] > 2)),
}


def _row(label: str, meaning: str, test: Callable[[Integers], Found]) -> Point:
    return Point(Bin(f"row/{label}", meaning), lambda seen: test(seen.arrays["codes"]))


def _sum_sign(sign: str) -> Point:
    return Point(Bin(f"sum/{sign}", f"the sum of a row is {sign}"), lambda seen: has_sign(seen.row("sum"), sign))


def _root(label: str) -> Point:
    def reached(seen: Seen) -> Mask:
        root, operand = seen.row("root"), seen.row("variance") << (2 * seen.one("root_shift"))
        rest = operand - root * root
        mask: Mask = {
            "exact": rest == 0,
            "one_short": rest == 2 * root,
            "below_square": (rest < 2 * root) & (rest >= root),
            "above_square": (rest > 0) & (rest < root),
        }[label]
        return mask

    meaning = {
        "exact": "the root is exact",
        "one_short": "one more would make the root exact and 1 larger",
        "below_square": "the root is nearer to the next integer",
        "above_square": "the root is nearer to the integer below",
    }[label]
    return Point(Bin(f"root/{label}", meaning), reached)


def _division(label: str) -> Point:
    def reached(seen: Seen) -> Mask:
        root = seen.row("root")
        rest = (1 << seen.one("reciprocal_bits")) % root
        mask: Mask = rest == {"exact": 0, "remainder_1": 1, "one_short": root - 1}[label]
        return mask

    meaning = {
        "exact": "the root divides 2^p",
        "remainder_1": "the division leaves 1",
        "one_short": "the division leaves the root less 1",
    }[label]
    return Point(Bin(f"division/{label}", meaning), reached)


def _normalizing(unit: ExactNorm, case: str, sign: str) -> Point:
    def reached(seen: Seen) -> Mask:
        product = _numerator(seen) * seen.row("reciprocal")[:, None]
        shift = np.int64(seen.one("reciprocal_bits") - seen.one("root_shift") - unit.fraction_bits)
        return rounding_case(product, np.array(shift), case) & has_sign(product, sign)

    return Point(Bin(f"normalizing/{case}.{sign}", f"{CASES[case]}, a normalized value {SIGNS[sign]}"), reached)


def _shift(number: int, placed: Callable[[Seen], Integers]) -> Point:
    def reached(seen: Seen) -> Mask:
        mask: Mask = (seen.each("shift") == number) & (_scaled(seen) != 0) & unsaturated(placed)(seen)
        return mask

    return Point(Bin(f"shift/{number}", f"the output is shifted by {number} and not saturated"), reached)


def _beta(label: str) -> Point:
    def reached(seen: Seen) -> Mask:
        beta = seen.each("bias")
        mask: Mask = beta == 0 if label == "0" else has_sign(beta, label)
        return mask

    return Point(Bin(f"bias/{label}", f"beta is {label}"), reached)


def _smaller(seen: Seen) -> Mask:
    variance = seen.row("variance")
    mask = np.zeros(variance.shape, bool)
    mask[1:] = variance[1:] < variance[:-1]
    return mask
