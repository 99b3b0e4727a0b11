"""Bins of the requantizer, and of the same pipeline behind other units (mul, mean).

Declared for the plain integer pipeline: one multiplier, one rounding, the zero point behind the shift.
"""

from __future__ import annotations

import numpy as np

from bittrue.spec.arithmetic import code_range
from bittrue.spec.coverage.bins import Bin, Mask, Point, Seen, points
from bittrue.spec.coverage.cases import (
    CASES,
    at_edge,
    has_sign,
    powers_of_two,
    rounding_case,
    rounding_cross,
    toggle_bins,
    unsaturated,
    value_bins,
)
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.requantization import RequantizationUnit
from bittrue.spec.vectors import Integers

ZERO_POINTS = {"lowest": -128, "-1": -1, "0": 0, "1": 1, "highest": 127, "unsigned": 255}
LIMITS = {"signed": (-128, 127), "unsigned": (0, 255), "activation": (-7, 100), "one_code": (5, 5)}


def requantizer_served(datapath: Datapath, op: str | None = None) -> RequantizationUnit:
    """The requantizer if its bins and stimuli are declared, else a refusal."""
    unit = datapath.requantization if op is None else datapath.requantizer(op)
    if unit.kind != "integer" or not unit.plain or unit.second is not None or unit.zero_point != "after_shift":
        raise Unsupported(
            "bins are declared for requantizers with one integer multiplier, one rounding and no register in between",
            where=f"datapath {datapath.name}",
            got=f"kind {unit.kind}, zero point {unit.zero_point}",
            expected="the plain pipeline of docs/arithmetic.md",
        )
    if unit.multiplier_signed or unit.bias != "none" or unit.offset:
        raise Unsupported(
            "bins are declared for requantizers without a bias, an offset or a signed multiplier",
            where=f"datapath {datapath.name}",
        )
    return unit


def accumulator_bits(datapath: Datapath, unit: RequantizationUnit) -> int:
    """Width of the accumulators that are driven: the register's, less what would leave 63 bits of product."""
    return min(datapath.mac.accumulator_bits, 63 - unit.multiplier_bits)


def shifts(unit: RequantizationUnit) -> range:
    """What the unit alone takes: a shift of 0 passes the product where the datapath starts at 1."""
    return range(0 if unit.shift_min <= 1 else unit.shift_min, unit.shift_max + 1)


def requantize_points(datapath: Datapath) -> tuple[Point, ...]:
    """Of the unit `requantize`."""
    unit = requantizer_served(datapath)
    width = accumulator_bits(datapath, unit)
    low, high = code_range(width, signed=True)
    accumulators = {"0": 0, "1": 1, "-1": -1, "min": low, "min+1": low + 1, "max-1": high - 1, "max": high}
    shown = unsaturated(_placed)
    return points(
        pipeline_points(unit),
        [_tie_at(unit, width, shift, sign) for shift in shifts(unit) if shift for sign in ("negative", "positive")],
        value_bins("accumulator", "the accumulator", accumulators),
        toggle_bins("accumulator", lambda seen: seen.each("accumulator"), range(width), shown),
        toggle_bins("product", _product, range(width + unit.multiplier_bits), shown),
    )


def pipeline_points(unit: RequantizationUnit) -> tuple[Point, ...]:
    """Of the pipeline behind any accumulator."""
    shown = unsaturated(_placed)
    return points(
        rounding_cross(_product, lambda seen: seen.each("shift"), _placed),
        [_shift(shift) for shift in shifts(unit)],
        value_bins("multiplier", "the multiplier", powers_of_two(unit.multiplier_bits)),
        toggle_bins("multiplier", lambda seen: seen.each("multiplier"), range(unit.multiplier_bits), shown),
        value_bins("zero_point", "the zero point", ZERO_POINTS),
        [_limits(label, *limits) for label, limits in LIMITS.items()],
        [_zero_point_at_edge(label, z, edge) for label, z in ZERO_POINTS.items() for edge in NEAR],
        [Point(Bin("product/0", "the product is 0"), lambda seen: _product(seen) == 0)],
    )


NEAR = ("low-1", "low", "low+1", "high-1", "high", "high+1")


def _product(seen: Seen) -> Integers:
    return seen.each("product")


def _placed(seen: Seen) -> Integers:
    return seen.each("placed")


def _shift(shift: int) -> Point:
    def reached(seen: Seen) -> Mask:
        mask: Mask = (seen.each("shift") == shift) & (_product(seen) != 0) & unsaturated(_placed)(seen)
        return mask

    return Point(
        Bin(f"shift/{shift}", f"a product other than 0 is shifted by {shift}, the result not saturated"), reached
    )


def _tie_at(unit: RequantizationUnit, width: int, shift: int, sign: str) -> Point:
    def reached(seen: Seen) -> Mask:
        product = _product(seen)
        there = (seen.each("shift") == shift) & has_sign(product, sign)
        mask: Mask = there & rounding_case(product, np.int64(shift), "tie")
        return mask

    # The largest power of two that divides a product: that of the accumulator (2^(w-2), of the most negative one
    # 2^(w-1)) times that of the multiplier (2^(bits-1)). A tie is divided by 2^(shift-1) and no more.
    largest = (width - 2 if sign == "positive" else width - 1) + unit.multiplier_bits - 1
    why = "" if shift - 1 <= largest else f"a {sign} product is divided by 2^{largest} at most, a tie by 2^{shift - 1}"
    return Point(Bin(f"tie/{shift}.{sign}", f"{CASES['tie']} at a shift of {shift}, a {sign} product", why), reached)


def _limits(label: str, low: int, high: int) -> Point:
    def reached(seen: Seen) -> Mask:
        mask: Mask = (seen.each("low") == low) & (seen.each("high") == high)
        return mask

    return Point(Bin(f"limits/{label}", f"the result is limited to {low}..{high}"), reached)


def _zero_point_at_edge(label: str, zero_point: int, edge: str) -> Point:
    def reached(seen: Seen) -> Mask:
        there = seen.each("zero_point") == zero_point
        mask: Mask = there & at_edge(_placed(seen), seen.each("low"), seen.each("high"), edge)
        return mask

    return Point(Bin(f"zero_point_edge/{label}.{edge}", f"zero point {zero_point}, the result at {edge}"), reached)
