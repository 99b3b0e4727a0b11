"""Bins of the table unit: every address, every output bit, signed and unsigned codes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bittrue.spec.coverage.bins import Bin, Mask, Point, Seen, points
from bittrue.spec.coverage.cases import toggle_bins
from bittrue.spec.datapath import Datapath
from bittrue.spec.vectors import Integers


def table_points(datapath: Datapath) -> tuple[Point, ...]:
    """Of the unit `table`."""
    unit = datapath.table
    entries = 1 << unit.input_bits_max
    return points(
        [_entry(index, level) for index in range(entries) for level in ("odd", "even")],
        toggle_bins("output", lambda seen: seen.each("output"), range(unit.output_bits_max)),
        [
            Point(Bin("codes/signed", "the lowest code is negative"), lambda seen: seen.each("input_low") < 0),
            Point(Bin("codes/unsigned", "the lowest code is 0"), lambda seen: seen.each("input_low") == 0),
            Point(Bin("jump/first_to_last", "the last entry is read behind the first"), _jump(0, -1)),
            Point(Bin("jump/last_to_first", "the first entry is read behind the last"), _jump(-1, 0)),
            Point(Bin("repeat/same", "an entry is read twice in a row"), _repeat),
        ],
    )


def _index(seen: Seen) -> Integers:
    return seen.each("codes") - seen.one("input_low")


def _entry(index: int, parity: str) -> Point:
    def reached(seen: Seen) -> Mask:
        mask: Mask = (_index(seen) == index) & ((seen.each("output") & 1) == (parity == "odd"))
        return mask

    return Point(Bin(f"entry/{index}.{parity}", f"entry {index} is read and is {parity}"), reached)


def _jump(first: int, then: int) -> Callable[[Seen], Mask]:
    def reached(seen: Seen) -> Mask:
        index, last = _index(seen), seen.arrays["table"].shape[-1] - 1
        mask = np.zeros(index.shape, bool)
        mask[1:] = (index[:-1] == first % (last + 1)) & (index[1:] == then % (last + 1))
        return mask

    return reached


def _repeat(seen: Seen) -> Mask:
    index = _index(seen)
    mask = np.zeros(index.shape, bool)
    mask[1:] = index[1:] == index[:-1]
    return mask
