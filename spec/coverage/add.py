"""Bins of the residual add by two multipliers."""

from __future__ import annotations

from bittrue.spec.coverage.bins import Bin, Mask, Point, Seen, points
from bittrue.spec.coverage.cases import powers_of_two, rounding_cross, toggle_bins, unsaturated, value_bins
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.add.two_multipliers import TwoMultipliersAdd
from bittrue.spec.vectors import Integers

OPERAND_BITS = 16
"""Widest operand that is driven: codes of a residual stream."""


def add_served(datapath: Datapath) -> TwoMultipliersAdd:
    """The add unit if its bins and stimuli are declared, else a refusal."""
    unit = datapath.add
    if not isinstance(unit, TwoMultipliersAdd) or unit.shifted_bits is not None or unit.ratios != "exact":
        raise Unsupported(
            "bins are declared for an add by two exact multipliers and one rounding",
            where=f"datapath {datapath.name}",
            got=unit.kind if unit else None,
            expected="two_multipliers without shifted_bits",
        )
    return unit


def operand_bits(unit: TwoMultipliersAdd) -> int:
    """Width of the widest codes that are driven."""
    return min(unit.operand_bits_max, OPERAND_BITS)


def sum_bits(unit: TwoMultipliersAdd) -> int:
    """Width of the sum of both products, its sign included: codes and zero points share a register."""
    return operand_bits(unit) + 1 + unit.multiplier_bits + 1


def add_points(datapath: Datapath) -> tuple[Point, ...]:
    """Of the unit `add`."""
    unit = add_served(datapath)
    bits = operand_bits(unit)
    operands = {"lowest": -(1 << (bits - 1)), "-1": -1, "0": 0, "1": 1, "highest": (1 << bits) - 1}
    zero_points = {"lowest": -128, "-1": -1, "0": 0, "1": 1, "highest": 127, "unsigned": 255}
    multipliers = powers_of_two(unit.multiplier_bits)
    shown = unsaturated(_placed)
    return points(
        rounding_cross(_sum, lambda seen: seen.each("shift"), _placed),
        [_shift(shift) for shift in range(unit.shift_min, unit.shift_max + 1)],
        *(value_bins(side, f"operand {side}", operands) for side in ("a", "b")),
        *(value_bins(f"zero_point_{s}", f"the zero point of {s}", zero_points) for s in ("a", "b")),
        value_bins("zero_point", "the output's zero point", zero_points),
        *(value_bins(f"multiplier_{s}", f"the multiplier of {s}", multipliers) for s in ("a", "b")),
        *(_multiplier_bits(side, unit.multiplier_bits) for side in ("a", "b")),
        toggle_bins("accumulator", _sum, range(sum_bits(unit)), shown),
        [_codes(first, second) for first in ("-128", "127") for second in ("-128", "127")],
        [_signs(first, second) for first in ("negative", "positive") for second in ("negative", "positive")],
        [Point(Bin("sum/cancels", "two terms other than 0 cancel exactly"), _cancels)],
        [_larger(which) for which in ("a", "b", "equal")],
    )


def _multiplier_bits(side: str, bits: int) -> tuple[Point, ...]:
    name = f"multiplier_{side}"
    return toggle_bins(name, lambda seen: seen.each(name), range(bits))


def _sum(seen: Seen) -> Integers:
    return seen.each("accumulator")


def _placed(seen: Seen) -> Integers:
    return seen.each("rounded") + seen.each("zero_point")


def _term(seen: Seen, side: str) -> Integers:
    return (seen.each(side) - seen.each(f"zero_point_{side}")) * seen.each(f"multiplier_{side}")


def _shift(shift: int) -> Point:
    def reached(seen: Seen) -> Mask:
        mask: Mask = (seen.each("shift") == shift) & (_sum(seen) != 0) & unsaturated(_placed)(seen)
        return mask

    return Point(Bin(f"shift/{shift}", f"a sum other than 0 is shifted by {shift}, the result not saturated"), reached)


def _codes(first: str, second: str) -> Point:
    def reached(seen: Seen) -> Mask:
        mask: Mask = (seen.each("a") == int(first)) & (seen.each("b") == int(second))
        return mask

    return Point(Bin(f"codes/{first}.{second}", f"a is {first}, b is {second}"), reached)


def _signs(first: str, second: str) -> Point:
    def of(seen: Seen, side: str, sign: str) -> Mask:
        return _term(seen, side) < 0 if sign == "negative" else _term(seen, side) > 0

    name = f"terms/{first}.{second}"
    return Point(
        Bin(name, f"the term of a is {first}, that of b {second}, the result not saturated"),
        lambda seen: of(seen, "a", first) & of(seen, "b", second) & unsaturated(_placed)(seen),
    )


def _cancels(seen: Seen) -> Mask:
    mask: Mask = (_term(seen, "a") != 0) & (_sum(seen) == 0)
    return mask


def _larger(which: str) -> Point:
    def reached(seen: Seen) -> Mask:
        a, b = seen.each("multiplier_a"), seen.each("multiplier_b")
        mask: Mask = {"a": a > b, "b": b > a, "equal": a == b}[which]
        return mask

    return Point(Bin(f"larger/{which}", f"the larger multiplier: {which}"), reached)
