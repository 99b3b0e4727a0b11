"""Bins of the product of two activations: the operands, then the requantizer's."""

from __future__ import annotations

from bittrue.spec.coverage.bins import Bin, Mask, Point, Seen, points
from bittrue.spec.coverage.cases import toggle_bins, value_bins
from bittrue.spec.coverage.requantize import ZERO_POINTS, pipeline_points, requantizer_served
from bittrue.spec.datapath import Datapath

CODES = {"lowest": -128, "-1": -1, "0": 0, "1": 1, "highest": 127, "unsigned": 255}


def mul_points(datapath: Datapath) -> tuple[Point, ...]:
    """Of the unit `mul`."""
    unit = requantizer_served(datapath, "mul")
    return points(
        pipeline_points(unit),
        *(value_bins(side, f"operand {side}", CODES) for side in ("a", "b")),
        *(value_bins(f"zero_point_{side}", f"the zero point of {side}", ZERO_POINTS) for side in ("a", "b")),
        toggle_bins("accumulator", lambda seen: seen.each("accumulator"), range(17)),
        [_signs(a, b) for a in ("negative", "0", "positive") for b in ("negative", "0", "positive")],
    )


def _signs(a: str, b: str) -> Point:
    def of(seen: Seen, side: str, sign: str) -> Mask:
        value = seen.each(side) - seen.each(f"zero_point_{side}")
        mask: Mask = {"negative": value < 0, "0": value == 0, "positive": value > 0}[sign]
        return mask

    bin_ = Bin(f"factors/{a}.{b}", f"a less its zero point is {a}, b less its own {b}")
    return Point(bin_, lambda seen: of(seen, "a", a) & of(seen, "b", b))
