"""Bins of an accumulator register: its ends, one past them, sums that leave it and come back, and its bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bittrue.spec.arithmetic import code_range
from bittrue.spec.coverage.bins import Bin, Found, Mask, Point, Seen, points
from bittrue.spec.coverage.cases import Values, toggle_bins
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.mac import Mac
from bittrue.spec.vectors import Integers


@dataclass(frozen=True)
class Sums:
    """The exact sums on the way into a register; the last axis of `partial` counts the additions."""

    load: Values
    """What the register is loaded with."""
    partial: Values
    """Behind each addition, the load included."""
    exact: Values
    """The whole sum."""
    load_fits: str = ""
    """Why the load never leaves the register; empty where it may."""


def mac_served(datapath: Datapath) -> Mac:
    """The MAC section if its bins and stimuli are declared, else a refusal."""
    mac = datapath.mac
    if mac.inner or mac.output_bits is not None or mac.products != "signed":
        raise Unsupported(
            "bins are declared for a MAC of one accumulator register and signed products",
            where=f"datapath {datapath.name}",
            got=f"adder {mac.adder_bits}, spill {mac.spill_bits}, output {mac.output_bits}, {mac.products} products",
            expected="no adder_bits, spill_bits or output_bits, signed products",
        )
    return mac


def never_past(mac: Mac) -> str:
    """Why no sum leaves the register; empty where it may."""
    if mac.overflow == "refuse":
        return "a step is refused unless its bound proves that no partial sum leaves the register"
    return "the register has no end" if mac.overflow == "exact" else ""


def register_points(mac: Mac, sums: Sums) -> tuple[Point, ...]:
    """Of the register of `mac` or `accumulate`; stage `register` is what it holds at the end."""
    low, high = code_range(mac.accumulator_bits, signed=True)
    past = never_past(mac)

    def at(label: str, value: int, why: str = "") -> Point:
        return Point(Bin(f"sum/{label}", f"the exact sum is {value}", why), lambda seen: sums.exact(seen) == value)

    def leaves(label: str, meaning: str, reached: Callable[[Seen], Found], why: str = "") -> Point:
        return Point(Bin(f"overflow/{label}", meaning, past or why), reached)

    def within(values: Integers) -> Mask:
        inside: Mask = (values >= low) & (values <= high)
        return inside

    return points(
        [at(label, value) for label, value in {"0": 0, "1": 1, "-1": -1}.items()],
        [at("max-1", high - 1), at("max", high), at("max+1", high + 1, past)],
        [at("min-1", low - 1, past), at("min", low), at("min+1", low + 1)],
        [
            leaves("up", "the exact sum is far above the highest", lambda seen: sums.exact(seen) > high + 1),
            leaves("down", "the exact sum is far below the lowest", lambda seen: sums.exact(seen) < low - 1),
            leaves(
                "up_and_back",
                "a partial sum is above the highest, the whole sum is not",
                lambda seen: (sums.partial(seen) > high).any(axis=-1) & within(sums.exact(seen)),
            ),
            leaves(
                "down_and_back",
                "a partial sum is below the lowest, the whole sum is not",
                lambda seen: (sums.partial(seen) < low).any(axis=-1) & within(sums.exact(seen)),
            ),
            leaves(
                "both_ends",
                "partial sums leave the register at both ends",
                lambda seen: (sums.partial(seen) > high).any(axis=-1) & (sums.partial(seen) < low).any(axis=-1),
            ),
            leaves("load", "the load itself does not fit", lambda seen: ~within(sums.load(seen)), sums.load_fits),
        ],
        toggle_bins("register", lambda seen: seen.each("register"), range(mac.accumulator_bits)),
    )
