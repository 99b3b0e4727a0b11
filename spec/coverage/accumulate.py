"""Bins of the accumulator register behind the adders."""

from __future__ import annotations

import numpy as np

from bittrue.spec.coverage.bins import Bin, Mask, Point, Seen, points
from bittrue.spec.coverage.cases import CASES, SIGNS, has_sign, rounding_case
from bittrue.spec.coverage.registers import Sums, mac_served, register_points
from bittrue.spec.datapath import Datapath
from bittrue.spec.vectors import Integers

SHIFTS = range(32)
COUNTS = (1, 2, 3, 16, 17, 64)


def accumulate_points(datapath: Datapath) -> tuple[Point, ...]:
    """Of the unit `accumulate`."""
    mac = mac_served(datapath)
    first = mac.bias == "first"

    def load(seen: Seen) -> Integers:
        return seen.row("initial") + seen.row("bias") if first else seen.row("initial")

    def partial(seen: Seen) -> Integers:
        behind = load(seen)[:, None] + np.cumsum(seen.arrays["addends"], axis=1)
        return behind if first else np.concatenate([behind, exact(seen)[:, None]], axis=1)

    def exact(seen: Seen) -> Integers:
        values: Integers = seen.row("initial") + seen.row("bias") + seen.arrays["addends"].sum(axis=1)
        return values

    # `initial` comes out of a register of the same width; a bias in front of the addends is added to it.
    fits = "" if first else "the register is loaded with a partial sum that it held before"
    return points(
        register_points(mac, Sums(load, partial, exact, fits)),
        [_count(n) for n in COUNTS],
        [_only(label) for label in ("first", "last")],
        [_operand(name, label) for name in ("bias", "initial") for label in ("0", "negative", "positive")],
        [_pre_shift(shift) for shift in SHIFTS],
        [_rounding(case, sign) for case in CASES for sign in SIGNS],
        [Point(Bin("after/0", "the register ends at 0 behind a row that did not"), _cleared)],
    )


def _count(n: int) -> Point:
    return Point(Bin(f"addends/{n}", f"a row of {n}"), lambda seen: np.bool_(seen.arrays["addends"].shape[1] == n))


def _only(label: str) -> Point:
    def reached(seen: Seen) -> Mask:
        there = seen.arrays["addends"] != 0
        mask: Mask = (there.sum(axis=1) == 1) & there[:, 0 if label == "first" else -1] & (there.shape[1] > 2)
        return mask

    return Point(Bin(f"only/{label}", f"only the {label} addend is not 0"), reached)


def _operand(name: str, label: str) -> Point:
    def reached(seen: Seen) -> Mask:
        value = seen.row(name)
        mask: Mask = value == 0 if label == "0" else has_sign(value, label)
        return mask

    return Point(Bin(f"{name}/{label}", f"{name} is {label}"), reached)


def _pre_shift(shift: int) -> Point:
    def reached(seen: Seen) -> Mask:
        mask: Mask = (seen.row("pre_shift") == shift) & (seen.row("register") != 0)
        return mask

    return Point(Bin(f"pre_shift/{shift}", f"a register other than 0 leaves shifted by {shift}"), reached)


def _rounding(case: str, sign: str) -> Point:
    def reached(seen: Seen) -> Mask:
        register, shift = seen.row("register"), seen.row("pre_shift")
        return rounding_case(register, shift, case) & has_sign(register, sign) & (shift > 0)

    return Point(Bin(f"rounding/{case}.{sign}", f"{CASES[case]}, a register {SIGNS[sign]}"), reached)


def _cleared(seen: Seen) -> Mask:
    register = seen.row("register")
    mask = np.zeros(register.shape, bool)
    mask[1:] = (register[1:] == 0) & (register[:-1] != 0)
    return mask
