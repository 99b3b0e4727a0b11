"""Stimuli of the accumulator behind the adders: its ends from both sides, sums that leave it and come back, carries."""

from __future__ import annotations

import numpy as np

from bittrue.golden.stimuli.draw import between, generator, of_any_size, walking_signed
from bittrue.spec.arithmetic import code_range
from bittrue.spec.coverage.accumulate import COUNTS, SHIFTS
from bittrue.spec.coverage.registers import mac_served, never_past
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.mac import Mac
from bittrue.spec.vectors import Integers, Stimuli, StimulusKind

DRAWN = 1000


def accumulate_stimuli(datapath: Datapath, kind: StimulusKind, seed: int) -> tuple[Stimuli, ...]:
    """Sets of one kind for the unit `accumulate`."""
    mac = mac_served(datapath)
    rng = generator(seed, "accumulate", kind)
    if kind == "directed":
        return (_ends(mac, rng), *(_rows(mac, rng, n) for n in COUNTS), _leave(mac, rng))
    return (_drawn(mac, rng, kind),)


def addend_bits(mac: Mac) -> int:
    """Width of an addend: the register's own, so that one addend can cross it."""
    return mac.accumulator_bits


def _set(name: str, rows: list[tuple[list[int], int, int]], kind: StimulusKind = "directed") -> Stimuli:
    """A set of (addends, bias, initial)."""
    addends = np.array([row[0] for row in rows], np.int64)
    bias, initial = (np.array([row[i] for row in rows], np.int64) for i in (1, 2))
    driven = {"addends": addends, "bias": bias, "initial": initial, "pre_shift": np.zeros(len(rows), np.int64)}
    return Stimuli("accumulate", name, kind, driven)


def _ends(mac: Mac, rng: np.random.Generator) -> Stimuli:
    """Rows of 4 that end at, one short of and past each end, that leave it and come back, and that carry."""
    low, high = code_range(mac.accumulator_bits, signed=True)
    reach = (1 << (addend_bits(mac) - 1)) - 1
    rows: list[tuple[list[int], int, int]] = []

    def to(total: int, *, above: int | None = None, below: int | None = None) -> None:
        """A row with this sum, by way of a partial sum above or below if asked for."""
        way = [int(x) for x in rng.integers(-reach // 4, reach // 4, 4)]
        start = total - sum(way)
        if above is not None or below is not None:
            first = min(reach, 9) * (1 if above is not None else -1)
            start = (above if above is not None else below or 0) - first // 2
            middle = int(rng.integers(-3, 3))
            way = [first, middle, 0, 0]
            way[2] = max(-reach, min(reach, total - start - first - middle))
            way[3] = total - start - sum(way)
        share = int(rng.integers(-1000, 1000))
        if low <= start - share <= high and low <= share <= high:
            rows.append((way, share, start - share))
        rows.append((way, 0, start) if low <= start <= high else (way, start - high // 2, high // 2))

    for _ in range(4):
        for total in (low, low + 1, -1, 0, 1, high - 1, high):
            rows.append(_inside(rng, total, low, high, reach))
    rows += [([0, 0, 0, 0], 0, 0), ([1, -1, 1, -1], 0, 0), ([-1, 1, -1, 1], 0, 0)]
    # Carries through the whole register, and each bit alone.
    for bit in range(mac.accumulator_bits - 1):
        rows += [([1, 0, 0, 0], (1 << bit) - 1, 0), ([0, -1, 0, 0], 0, 1 << bit), ([0, 0, -1, 0], -(1 << bit), 0)]
        rows += [([0, 0, 0, 1], 0, -(1 << bit) - 1), ([0, 0, 0, 0], 1 << bit, 0), ([0, 0, 0, 0], 0, -1 - (1 << bit))]
    if not never_past(mac):
        for _ in range(4):
            for total in (low - 1, high + 1, low - 2, high + 2):
                to(total)
            for total in (high + int(rng.integers(2, reach)), low - int(rng.integers(2, reach))):
                to(total)
            for total in (high - 2, high, 0, low, low + 2, int(rng.integers(low, high))):
                to(total, above=high)
                to(total, below=low)
        rows += [([reach, -reach, reach, -reach], high, 0), ([-reach, reach, -reach, reach], 0, low)]
        rows += [
            ([5, -7, 0, 1], high, high),
            ([5, -7, 0, 1], low, low),
            ([5, -7, 0, 1], high, 1),
            ([0, 0, 0, 0], low, -1),
        ]
        rows += [
            ([reach] * 4, high, high),
            ([-reach - 1] * 4, low, low),
            ([reach] * 4, 0, high),
            ([-reach] * 4, low, 0),
        ]
        rows += [([9, -reach, -reach, 9], high, low), ([0, 3, 0, 0], high - 2, 0), ([0, -3, 3, 0], low + 2, 0)]
        # Past one end and then past the other: a small load and addends as wide as the register.
        rows += [([*_steps(2 * high + 5, 2), *_steps(-3 * high, 2)], 0, 0)] if reach * 2 > 2 * high else []
    return _set("ends", rows)


def _steps(total: int, parts: int) -> list[int]:
    """A sum in equal parts."""
    share, rest = divmod(total, parts)
    return [share + (index < rest) for index in range(parts)]


def _inside(rng: np.random.Generator, total: int, low: int, high: int, reach: int) -> tuple[list[int], int, int]:
    """A row with this sum whose partial sums stay inside: addends all away from the nearer end."""
    sign = 1 if total >= 0 else -1
    way = [sign * int(rng.integers(0, min(reach, high // 8))) for _ in range(4)]
    bias = sign * int(rng.integers(0, high // 8))
    return way, bias, total - bias - sum(way)


def _rows(mac: Mac, rng: np.random.Generator, n: int) -> Stimuli:
    """Rows of n: only one addend, walking addends, addends of any size, a row of zeros behind a full one."""
    low, high = code_range(mac.accumulator_bits, signed=True)
    bits = min(addend_bits(mac), mac.accumulator_bits - 1 - n.bit_length()) if never_past(mac) else addend_bits(mac)
    rows: list[tuple[list[int], int, int]] = []
    for position in dict.fromkeys((0, n - 1, n // 2, 15 % n, 16 % n)):
        for value in (1, -1, (1 << (bits - 1)) - 1, -(1 << (bits - 1))):
            rows.append(([value if index == position else 0 for index in range(n)], 0, 0))
            rows.append(([0] * n, 0, 0))
    # One addend alone may fill the register.
    for pattern in walking_signed(mac.accumulator_bits).tolist():
        addends = [0] * n
        addends[int(rng.integers(0, n))] = pattern
        rows.append((addends, 0, 0))
    room = high // 8
    for _ in range(40):
        addends = of_any_size(rng, bits - 1, n, signed=True).tolist()
        bias, initial = (int(x) for x in between(rng, -room, room, 2))
        rows.append((addends, bias, initial))
    return _set(f"rows_of_{n}", rows)


def _leave(mac: Mac, rng: np.random.Generator) -> Stimuli:
    """Every shift in front of the output: ties, their neighbours, and anything, of both signs."""
    low, high = code_range(mac.accumulator_bits, signed=True)
    register: list[int] = []
    shifts: list[int] = []
    for shift in SHIFTS:
        half = (1 << shift) >> 1
        for k in (-3, -2, -1, 0, 1, 2):
            for rest in (half - 1, half, half + 1, 0, int(rng.integers(0, 1 << shift))):
                register.append(min(max((k << shift) + rest, low), high))
                shifts.append(shift)
    # Mixed, so that neither sign nor shift is that of the vector before.
    order = rng.permutation(len(register))
    total, pre_shift = np.array(register, np.int64)[order], np.array(shifts, np.int64)[order]
    # What was held before may be of the other sign.
    room = high // 4
    near = np.abs(total) < room
    first = np.where(near, between(rng, -room, room, total.size), total // 2)
    driven = {
        "addends": np.stack([first, np.zeros_like(first)], axis=1),
        "bias": np.zeros_like(total),
        "initial": total - first,
        "pre_shift": pre_shift,
    }
    return Stimuli("accumulate", "leave", "directed", driven)


def _drawn(mac: Mac, rng: np.random.Generator, kind: StimulusKind) -> Stimuli:
    """uniform: over every register; shaped: normal addends, as sums of products are."""
    n, bits = 16, addend_bits(mac)
    bits = min(bits, mac.accumulator_bits - 6) if never_past(mac) else bits
    low, high = code_range(bits, signed=True)
    if kind == "uniform":
        addends = between(rng, low, high, (DRAWN, n))
        bias, initial = between(rng, low, high, (2, DRAWN))
    else:
        addends = np.clip(np.rint(rng.normal(0, high / 8, (DRAWN, n))), low, high).astype(np.int64)
        bias, initial = between(rng, low // 8, high // 8, DRAWN), np.zeros(DRAWN, np.int64)
    driven: dict[str, Integers] = {"addends": addends, "bias": bias, "initial": initial}
    driven["pre_shift"] = between(rng, 0, 31, DRAWN) if kind == "uniform" else np.zeros(DRAWN, np.int64)
    return Stimuli("accumulate", kind, kind, driven)
