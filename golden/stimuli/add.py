"""Stimuli of the residual add by two multipliers.

Directed: sums solved for both terms, so that every shift sees ties and their neighbours with multipliers of any bits
(each low bit then decides); each operand, zero point and multiplier walked; terms that cancel; results at and far
past the limits.
"""

from __future__ import annotations

import numpy as np

from bittrue.golden.stimuli.draw import between, generator, walking, walking_signed
from bittrue.golden.stimuli.elementwise import Columns, Table
from bittrue.golden.stimuli.pipeline import any_ends, placed_at, wide_ends
from bittrue.golden.stimuli.sums import Terms, terms_of
from bittrue.spec.arithmetic import round_shift
from bittrue.spec.coverage.add import add_served, operand_bits, sum_bits
from bittrue.spec.coverage.cases import CASES
from bittrue.spec.coverage.requantize import LIMITS, ZERO_POINTS
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.add.two_multipliers import TwoMultipliersAdd
from bittrue.spec.vectors import Integers, Stimuli, StimulusKind

PORTS = (
    "a", "b", "zero_point_a", "zero_point_b", "multiplier_a", "multiplier_b", "shift", "zero_point", "low", "high",
)  # fmt: skip
DRAWN = 4000
REACH = 255
"""Of a code of 8 bits less its zero point."""


def add_stimuli(datapath: Datapath, kind: StimulusKind, seed: int) -> tuple[Stimuli, ...]:
    """Sets of one kind for the unit `add`."""
    unit = add_served(datapath)
    rng = generator(seed, "add", kind)
    if kind == "directed":
        wide = (_wide(unit, rng),) if operand_bits(unit) > 8 else ()
        return (_corners(unit, rng), *wide)
    return (_drawn(unit, rng, kind),)


def _corners(unit: TwoMultipliersAdd, rng: np.random.Generator) -> Stimuli:
    """Codes of 8 bits, signed and unsigned."""
    table = Table(PORTS)
    for shift in range(unit.shift_min, unit.shift_max + 1):
        for target in _targets(rng, shift, REACH << unit.multiplier_bits):
            _solved(table, unit, rng, target, shift)
        _inside(table, unit, rng, shift)
    _crosses(table, unit, rng)
    _walk(table, unit, rng)
    _returning(table, unit, rng)
    _limits(table, unit, rng)
    return table.stimuli("add", "corners", "directed")


def _targets(rng: np.random.Generator, shift: int, most: int) -> list[int]:
    """Sums of both signs: ties, their neighbours, nothing dropped, anything."""
    half, found = 1 << (shift - 1), []
    for rest, count in ((half, 8), (half - 1, 6), (half + 1, 4), (0, 3), (None, 5)):
        for index in range(count):
            k = int(rng.integers(-3, 3) if index < 2 else rng.integers(-140, 140))
            low_bits = int(rng.integers(0, 1 << shift)) if rest is None else rest
            found.append((k << shift) + low_bits)
    kept = [target for target in found if abs(target) < most]
    return kept or [int(rng.integers(-most, most)) for _ in range(4)]


def _solved(table: Table, unit: TwoMultipliersAdd, rng: np.random.Generator, target: int, shift: int) -> None:
    """A vector with this sum, its result near a limit or between both."""
    terms = terms_of(rng, target, REACH, unit.multiplier_bits)
    if terms is None:
        return
    rounded = np.array([round_shift(target, shift, unit.rounding)], np.int64)
    zero_point, low, high = placed_at(rng, rounded)
    table.add(**_operands(rng, terms), shift=shift, zero_point=zero_point, low=low, high=high)


def _inside(table: Table, unit: TwoMultipliersAdd, rng: np.random.Generator, shift: int) -> None:
    """Results well between the limits, of sums as large as they can be for that."""
    reach = min(90 << shift, REACH << unit.multiplier_bits)
    for sign in (1, -1):
        terms = terms_of(rng, sign * int(rng.integers(1, reach)), REACH, unit.multiplier_bits)
        if terms is not None:
            table.add(**_operands(rng, terms), shift=shift, zero_point=3, low=-128, high=127)


def _operands(rng: np.random.Generator, terms: Terms) -> dict[str, int]:
    """Codes and zero points whose differences are the terms' factors."""
    found = {"multiplier_a": terms.ma, "multiplier_b": terms.mb}
    for side, difference in (("a", terms.da), ("b", terms.db)):
        low = int(rng.integers(0, 2)) * 128 - 128  # signed or unsigned codes
        first, last = max(low, low + difference), min(low + 255, low + 255 + difference)
        code = int(rng.choice([first, last, int(rng.integers(first, last, endpoint=True))], p=[0.2, 0.2, 0.6]))
        found |= {side: code, f"zero_point_{side}": code - difference}
    return found


def _crosses(table: Table, unit: TwoMultipliersAdd, rng: np.random.Generator) -> None:
    """Every rounding case of both signs at every edge, and every zero point of the bins at every edge."""
    low, high = LIMITS["activation"]
    for case in CASES:
        for sign in (1, -1):
            for goal in (low - 9, low - 1, low, low + 1, 30, high - 1, high, high + 1, high + 4):
                shift = int(rng.integers(max(unit.shift_min, 4), min(unit.shift_max, 36)))
                half, k = 1 << (shift - 1), int(rng.integers(1, 20))
                rest = {"exact": 0, "tie": half, "below": half - 1, "above": half + 1, "other": 3 if half > 4 else 1}
                target = sign * (k << shift) + rest[case]
                zero_point = goal - round_shift(target, shift, unit.rounding)
                terms = terms_of(rng, target, REACH, unit.multiplier_bits)
                if terms is not None:
                    table.add(**_operands(rng, terms), shift=shift, zero_point=zero_point, low=low, high=high)
    for zero_point in ZERO_POINTS.values():
        for low, high in (LIMITS["signed"], LIMITS["unsigned"]):
            for goal in (low - 1, low, high, high + 1):
                terms = terms_of(rng, (goal - zero_point) << 30, REACH, unit.multiplier_bits)
                if terms is not None:
                    table.add(**_operands(rng, terms), shift=30, zero_point=zero_point, low=low, high=high)


def _walk(table: Table, unit: TwoMultipliersAdd, rng: np.random.Generator) -> None:
    """Walking codes, zero points and multipliers, each against any of the others."""
    bits = unit.multiplier_bits
    top = 1 << (bits - 1)
    for side, other in (("a", "b"), ("b", "a")):
        for low in (-128, 0):
            codes = walking(8) if low == 0 else walking_signed(8)
            for port in (side, f"zero_point_{side}"):
                _any(table, unit, rng, codes.size, {port: codes}, low)
        multipliers = np.repeat(walking(bits), 2)
        _any(table, unit, rng, multipliers.size, {f"multiplier_{side}": multipliers, f"multiplier_{other}": top}, -128)
        # The other term away: what is left is this product alone, down to its last bit.
        alone: Columns = {f"multiplier_{side}": multipliers, f"multiplier_{other}": top + 1, other: 7}
        alone |= {f"zero_point_{other}": 7}
        _any(table, unit, rng, multipliers.size, alone, -128)
    ends = np.array([(a, b) for a in (-128, 0, 127) for b in (-128, 0, 127)], np.int64)
    for ma, mb in ((top, top), (2 * top - 1, 2 * top - 1), (2 * top - 1, 0), (0, 2 * top - 1), (top, 1), (1, top)):
        fixed: Columns = {"a": ends[:, 0], "b": ends[:, 1], "multiplier_a": ma, "multiplier_b": mb}
        _any(table, unit, rng, len(ends), fixed, -128)
    for _ in range(12):  # terms that cancel
        m, code = int(rng.integers(top, 2 * top)), int(rng.integers(1, 100))
        fixed = {"a": code, "zero_point_a": 0, "b": -code, "zero_point_b": 0, "multiplier_a": m, "multiplier_b": m}
        _any(table, unit, rng, 1, fixed, -128)


def _any(
    table: Table,
    unit: TwoMultipliersAdd,
    rng: np.random.Generator,
    size: int,
    fixed: Columns,
    low: int,
) -> None:
    """Vectors with some columns fixed and the others drawn, shifted so that the sum's upper bits are seen."""
    top = 1 << (unit.multiplier_bits - 1)
    columns: dict[str, Integers] = {
        **{port: between(rng, low, low + 255, size) for port in ("a", "b", "zero_point_a", "zero_point_b")},
        **{port: between(rng, top, 2 * top - 1, size) for port in ("multiplier_a", "multiplier_b")},
    }
    columns |= {port: np.broadcast_to(np.asarray(values, np.int64), (size,)) for port, values in fixed.items()}
    total = sum((columns[s] - columns[f"zero_point_{s}"]) * columns[f"multiplier_{s}"] for s in ("a", "b")) + np.zeros(
        size, np.int64
    )
    width = np.array([abs(int(t)).bit_length() for t in total], np.int64)
    shift = np.clip(width - 7 + rng.integers(0, 2, size), unit.shift_min, unit.shift_max)
    zero_point, first, last = placed_at(rng, round_shift(total, shift, unit.rounding))
    table.add(**columns, shift=shift, zero_point=zero_point, low=first, high=last)


def _returning(table: Table, unit: TwoMultipliersAdd, rng: np.random.Generator) -> None:
    """Results past a limit that a register of w bits would wrap back between the limits."""
    for w in range(8, unit.multiplier_bits + 7):
        for sign in (1, -1):
            shift = max(unit.shift_min, 1 + w % 2)
            terms = terms_of(rng, (sign * (1 << w) + int(rng.integers(-9, 9))) << shift, REACH, unit.multiplier_bits)
            if terms is not None:
                table.add(**_operands(rng, terms), shift=shift, zero_point=[5, 100], low=[-128, 0], high=[127, 255])


def _limits(table: Table, unit: TwoMultipliersAdd, rng: np.random.Generator) -> None:
    """Any limits of 8 bits, with results past both."""
    pairs = np.sort(between(rng, -128, 127, (60, 2)), axis=1)
    pairs[::2] += 128
    top, shift = 1 << (unit.multiplier_bits - 1), unit.multiplier_bits - 4
    table.add(
        a=np.where(np.arange(60) % 4 < 2, 100, -100), b=between(rng, -20, 20, 60), zero_point_a=0, zero_point_b=3,
        multiplier_a=between(rng, top, 2 * top - 1, 60), multiplier_b=between(rng, 0, top, 60), shift=shift,
        zero_point=pairs[:, 0], low=pairs[:, 0], high=pairs[:, 1],
    )  # fmt: skip


def _wide(unit: TwoMultipliersAdd, rng: np.random.Generator) -> Stimuli:
    """Operands of a residual stream, their zero points at either end of the codes, and results of 16 bits."""
    table, bits = Table(PORTS), operand_bits(unit)
    low, high = -(1 << (bits - 1)), (1 << bits) - 1
    top = 1 << (unit.multiplier_bits - 1)
    ends = [low, -1, 0, 1, -low - 1, high]
    pairs = np.array([(a, b) for a in ends for b in ends], np.int64)
    codes = np.concatenate([pairs, between(rng, low, high, (400, 2))])
    n = len(codes)
    zero_points = np.where(rng.integers(0, 3, (n, 2)) > 0, rng.choice(ends, (n, 2)), between(rng, low, high, (n, 2)))
    zero_points[::4] = 0
    # Either multiplier the larger; the other of any size.
    ma, mb = (
        between(rng, top, 2 * top - 1, n),
        between(rng, 0, 2 * top - 1, n) >> between(rng, 0, unit.multiplier_bits, n),
    )
    swap = np.arange(n) % 2 == 0
    ma, mb = np.where(swap, mb, ma), np.where(swap, ma, mb)
    total = (codes[:, 0] - zero_points[:, 0]) * ma + (codes[:, 1] - zero_points[:, 1]) * mb
    width = np.array([abs(int(t)).bit_length() for t in total], np.int64)
    shift = np.clip(width - 14 + rng.integers(0, 3, n), unit.shift_min, min(unit.shift_max, sum_bits(unit) + 4))
    rounded = round_shift(total, shift, unit.rounding)
    zero_point, first, last = wide_ends(rng, rounded)
    table.add(
        a=codes[:, 0], b=codes[:, 1], zero_point_a=zero_points[:, 0], zero_point_b=zero_points[:, 1], multiplier_a=ma,
        multiplier_b=mb, shift=shift, zero_point=zero_point, low=first, high=last,
    )  # fmt: skip
    _far(table, unit, rng)
    return table.stimuli("add", "wide_codes", "directed")


def _far(table: Table, unit: TwoMultipliersAdd, rng: np.random.Generator) -> None:
    """Sums of any size that a zero point of 31 bits brings back, and larger ones that only a narrow register would."""
    reach = 1 << operand_bits(unit)
    for bits in range(8, sum_bits(unit) - 1):
        for sign in (1, -1):
            shift = max(unit.shift_min, int(rng.integers(1, 3)))
            result = sign * (1 << bits) + int(rng.integers(-9, 9))
            terms = terms_of(rng, result << shift, reach - 1, unit.multiplier_bits)
            if terms is None:
                continue
            zero_point, low, high = wide_ends(rng, np.full(3, result, np.int64))
            zero_point[1:] = (5, 100)
            low[1:], high[1:] = (-128, 0), (127, 255)
            # A difference of 17 bits is that of a zero point and a code.
            near = {"a": terms.da // 2, "b": terms.db // 2}
            columns: Columns = {"multiplier_a": terms.ma, "multiplier_b": terms.mb, **near}
            columns |= {"zero_point_a": near["a"] - terms.da, "zero_point_b": near["b"] - terms.db}
            table.add(**columns, shift=shift, zero_point=zero_point, low=low, high=high)
    most = (1 << unit.multiplier_bits) - 1
    codes, zero_points = np.array([reach - 1, -reach // 2], np.int64), np.array([-reach, reach - 1], np.int64)
    ends: Columns = {"a": codes, "b": codes, "zero_point_a": zero_points, "zero_point_b": zero_points}
    table.add(**ends, multiplier_a=most, multiplier_b=most, shift=40, zero_point=0, low=-32768, high=32767)
    _unclamped(table, unit, rng, reach)


def _unclamped(table: Table, unit: TwoMultipliersAdd, rng: np.random.Generator, reach: int) -> None:
    """The largest sums of either sign and any others, hardly shifted, so that every wire comes to its ends."""
    n, most = 240, (1 << unit.multiplier_bits) - 1
    columns: dict[str, Integers] = {}
    for side in ("a", "b"):
        columns[side] = between(rng, -reach // 2, reach - 1, n)
        columns[f"zero_point_{side}"] = between(rng, -reach, reach - 1, n)
        columns[f"multiplier_{side}"] = between(rng, most // 2 + 1, most, n)
        # Every other vector is of the same sign on both sides, and as far out as it can be.
        upwards = np.arange(0, n, 2) % 4 == 0
        columns[side][::2] = np.where(upwards, reach - 1, -reach // 2)
        columns[f"zero_point_{side}"][::2] = np.where(upwards, -reach, reach - 1)
    for side in ("a", "b"):
        columns[f"multiplier_{side}"][: n // 4] = most - np.arange(n // 4) % 3
    shift = unit.shift_min + np.arange(n, dtype=np.int64) // 4 % 5
    zero_point, low, high = any_ends(rng, n)
    table.add(**columns, shift=shift, zero_point=zero_point, low=low, high=high)


def _drawn(unit: TwoMultipliersAdd, rng: np.random.Generator, kind: StimulusKind) -> Stimuli:
    """uniform: over every register; shaped: one pair of multipliers a block, results spread over the codes."""
    table, top, n = Table(PORTS), 1 << (unit.multiplier_bits - 1), DRAWN // 16
    for _ in range(16):
        columns: Columns = {port: between(rng, -128, 127, n) for port in ("a", "b")}
        if kind == "uniform":
            columns |= {f"zero_point_{side}": between(rng, -128, 127, n) for side in ("a", "b")}
            columns |= {"multiplier_a": between(rng, top, 2 * top - 1, n), "shift": between(rng, 1, unit.shift_max, n)}
            columns |= {"multiplier_b": between(rng, 0, 2 * top - 1, n), "zero_point": between(rng, -128, 127, n)}
        else:
            columns |= {port: int(rng.integers(-40, 40)) for port in ("zero_point_a", "zero_point_b", "zero_point")}
            columns |= {
                "multiplier_a": int(rng.integers(top, 2 * top)),
                "multiplier_b": int(rng.integers(top >> 3, top)),
            }
            columns["shift"] = unit.multiplier_bits + int(rng.integers(0, 2))
        table.add(**columns, low=-128, high=127)
    return table.stimuli("add", kind, kind)
