"""Bins of the average of a row: its length and sum, then the requantizer's."""

from __future__ import annotations

import numpy as np

from bittrue.spec.coverage.bins import Bin, Mask, Point, Seen, points
from bittrue.spec.coverage.cases import toggle_bins, value_bins
from bittrue.spec.coverage.registers import mac_served
from bittrue.spec.coverage.requantize import ZERO_POINTS, pipeline_points, requantizer_served
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported

LENGTHS = (1, 2, 49, 64)


def mean_served(datapath: Datapath) -> None:
    """Refuse a mean whose bins and stimuli are not declared."""
    mac_served(datapath)
    requantizer_served(datapath, "mean")
    if datapath.mean.kind != "folded" or (
        datapath.mac.overflow in ("wrap", "saturate") and datapath.mac.accumulator_bits < 16
    ):
        raise Unsupported(
            "bins are declared for a mean whose sum passes an accumulator of 16 bits and more to the requantizer",
            where=f"datapath {datapath.name}",
            got=datapath.mean.kind,
        )


def mean_points(datapath: Datapath) -> tuple[Point, ...]:
    """Of the unit `mean`."""
    mean_served(datapath)
    return points(
        pipeline_points(requantizer_served(datapath, "mean")),
        [_length(n) for n in LENGTHS],
        value_bins("zero_point_x", "the zero point of the codes", ZERO_POINTS, lambda seen: seen.row("zero_point_x")),
        toggle_bins("accumulator", lambda seen: seen.row("accumulator"), range(15)),
        [_row(label) for label in ("equal", "only_first", "only_last", "lowest", "highest")],
        [Point(Bin("sum/0", "codes that differ sum to 0"), _cancels)],
    )


def _length(n: int) -> Point:
    return Point(Bin(f"length/{n}", f"a row of {n}"), lambda seen: np.array(seen.arrays["codes"].shape[1] == n))


def _row(label: str) -> Point:
    def reached(seen: Seen) -> Mask:
        codes = seen.arrays["codes"]
        other = codes != np.reshape(seen.row("zero_point_x"), (-1, 1))
        single = (other.sum(axis=1) == 1) & (codes.shape[1] > 2)
        mask: Mask = {
            "equal": (codes == codes[:, :1]).all(axis=1) & (codes.shape[1] > 1),
            "only_first": single & other[:, 0],
            "only_last": single & other[:, -1],
            "lowest": (codes == -128).all(axis=1),
            "highest": (codes == 127).all(axis=1),
        }[label]
        return mask

    meaning = {
        "equal": "all codes are equal",
        "only_first": "only the first code is not the zero point",
        "only_last": "only the last code is not the zero point",
        "lowest": "every code is -128",
        "highest": "every code is 127",
    }[label]
    return Point(Bin(f"row/{label}", meaning), reached)


def _cancels(seen: Seen) -> Mask:
    codes = seen.arrays["codes"]
    mask: Mask = (seen.row("accumulator") == 0) & (codes != codes[:, :1]).any(axis=1)
    return mask
