"""Stimuli of the product of two activations: the requantizer's corners of products of codes, and the codes walked."""

from __future__ import annotations

from itertools import product

import numpy as np

from bittrue.golden.stimuli.draw import between, generator, walking, walking_signed
from bittrue.golden.stimuli.elementwise import Columns, Table
from bittrue.golden.stimuli.pipeline import Pipeline, any_ends, fitting_shift, placed_at, returning, wide_ends
from bittrue.golden.stimuli.pipeline_corners import pipeline_corners
from bittrue.spec.coverage.requantize import ZERO_POINTS, requantizer_served, shifts
from bittrue.spec.datapath import Datapath
from bittrue.spec.vectors import Integers, Stimuli, StimulusKind

PORTS = ("a", "b", "zero_point_a", "zero_point_b", "multiplier", "shift", "zero_point", "low", "high")
REACH = 255
"""Of a code of 8 bits less its zero point."""


def mul_stimuli(datapath: Datapath, kind: StimulusKind, seed: int) -> tuple[Stimuli, ...]:
    """Sets of one kind for the unit `mul`."""
    unit = requantizer_served(datapath, "mul")
    rng = generator(seed, "mul", kind)
    factor = _factors(rng)
    pipe = Pipeline(unit, 17, lambda total: _factor_of(factor, total) > 0)
    table = Table(PORTS)
    if kind == "directed":
        _products(table, rng, factor, pipeline_corners(pipe, rng).columns())
        _walk(table, pipe, rng)
        return (table.stimuli("mul", "corners", "directed"), _wide(pipe, rng))
    _drawn(table, pipe, rng, kind)
    return (table.stimuli("mul", kind, kind),)


def _products(table: Table, rng: np.random.Generator, factor: Integers, columns: dict[str, Integers]) -> None:
    """The corners whose accumulator is a product of two codes."""
    total = columns.pop("accumulator")
    first = _factor_of(factor, total)
    kept = (first > 0) | (total == 0)
    columns = {name: column[kept] for name, column in columns.items()}
    total, first = total[kept], np.maximum(first[kept], 1)
    second = total // first
    # 0 has any factor.
    first = np.where(total == 0, between(rng, -REACH, REACH, total.size), first)
    swap, negate = rng.integers(0, 2, (2, total.size)) == 1
    first, second = np.where(negate, -first, first), np.where(negate, -second, second)
    first, second = np.where(swap, second, first), np.where(swap, first, second)
    table.add(**_codes(rng, first, "a"), **_codes(rng, second, "b"), **columns)


def _factors(rng: np.random.Generator) -> Integers:
    """By product, up to REACH**2: one of its factors, both being at most REACH; 0 where there are none."""
    found = np.zeros(REACH * REACH + 1, np.int64)
    a, b = np.divmod(rng.permutation(REACH * REACH).astype(np.int64), REACH)
    found[(a + 1) * (b + 1)] = a + 1
    return found


def _factor_of(factor: Integers, total: Integers) -> Integers:
    """One factor of each accumulator, 0 where there are no two of them."""
    size = np.abs(total)
    found: Integers = np.where(size < factor.size, factor[np.minimum(size, factor.size - 1)], 0)
    return found


def _codes(rng: np.random.Generator, difference: Integers, side: str) -> dict[str, Integers]:
    """Codes and zero points, signed or unsigned, that differ by this."""
    low = rng.integers(0, 2, difference.size) * 128 - 128
    code = between(rng, np.maximum(low, low + difference), np.minimum(low + 255, low + 255 + difference), low.size)
    return {side: code, f"zero_point_{side}": code - difference}


def _walk(table: Table, pipe: Pipeline, rng: np.random.Generator) -> None:
    """Walking codes and zero points on each side, every pair of ends, every zero point."""
    for shift in shifts(pipe.unit):
        a, b = between(rng, 1, 127, (2, 2)) * (1 - 2 * rng.integers(0, 2, 2))
        b[1] *= -1  # products of either sign
        multiplier = np.minimum((90 << min(shift, 44)) // np.abs(a * b), (1 << pipe.unit.multiplier_bits) - 1)
        table.add(
            a=a, b=b, zero_point_a=0, zero_point_b=0, multiplier=np.maximum(multiplier, 1), shift=shift, zero_point=3,
            low=[-128, -30000], high=[127, 30000],
        )  # fmt: skip
    for low in (-128, 0):
        patterns = walking(8) if low == 0 else walking_signed(8)
        for port in ("a", "b", "zero_point_a", "zero_point_b"):
            for _ in range(2):
                _any(table, pipe, rng, low, patterns.size, {port: patterns})
    ends = np.array([(a, b) for a in (-128, -1, 0, 1, 127, 255) for b in (-128, -1, 0, 1, 127, 255)], np.int64)
    for zero_point in ZERO_POINTS.values():
        fixed: Columns = {"a": ends[:, 0], "b": ends[:, 1]}
        fixed |= {"zero_point_a": zero_point, "zero_point_b": 255 - zero_point}
        _any(table, pipe, rng, -128, len(ends), fixed)
        fixed |= {"zero_point_a": int(rng.integers(-128, 127)), "zero_point_b": zero_point}
        _any(table, pipe, rng, -128, len(ends), fixed)


def _wide(pipe: Pipeline, rng: np.random.Generator) -> Stimuli:
    """Zero points outside the codes: the operands' up to 10 bits, the result's up to 31; limits of 16-bit codes."""
    table, n, bits = Table(PORTS), 500, pipe.unit.multiplier_bits
    columns = {side: rng.choice([-128, 255, 127, 0], n) for side in ("a", "b")}
    columns = {
        side: np.where(rng.integers(0, 2, n) == 0, between(rng, -128, 255, n), codes) for side, codes in columns.items()
    }
    for side in ("a", "b"):
        columns[f"zero_point_{side}"] = rng.choice(walking_signed(10), n)
    total = (columns["a"] - columns["zero_point_a"]) * (columns["b"] - columns["zero_point_b"])
    multiplier = between(rng, 1 << (bits - 1), (1 << bits) - 1, n) >> between(rng, 0, bits, n)
    shift = fitting_shift(pipe, rng, total, multiplier, result_bits=28) + between(rng, 0, 24, n)
    shift = np.minimum(shift, pipe.unit.shift_max)
    zero_point, low, high = wide_ends(rng, pipe.rounded(total, multiplier, shift))
    table.add(**columns, multiplier=multiplier, shift=shift, zero_point=zero_point, low=low, high=high)
    _largest(table, pipe, rng)
    return table.stimuli("mul", "wide_codes", "directed")


def _largest(table: Table, pipe: Pipeline, rng: np.random.Generator) -> None:
    """The largest products of either sign, at shifts that leave all of them, some of them, and one unit."""
    codes, zero_points = (-128, 255), (-512, 511)
    ends = np.array(list(product(codes, codes, zero_points, zero_points)), np.int64)
    total = (ends[:, 0] - ends[:, 2]) * (ends[:, 1] - ends[:, 3])
    most = (1 << pipe.unit.multiplier_bits) - 1
    for shift in (shifts(pipe.unit)[0], 1, 9, 20, 31, 49, 50, 51, 52):
        at = np.full(len(ends), shift, np.int64)
        zero_point, low, high = wide_ends(rng, pipe.rounded(total, np.full(len(ends), most), at))
        columns = dict(zip(("a", "b", "zero_point_a", "zero_point_b"), ends.T, strict=True))
        table.add(**columns, multiplier=most, shift=at, zero_point=zero_point, low=low, high=high)
    bits = np.repeat(np.arange(9, 49, dtype=np.int64), 4)
    upwards = np.arange(bits.size) % 2 == 0
    ways: Columns = {"a": np.where(upwards, 255, -128), "zero_point_a": np.where(upwards, -512, 511)}
    ways |= {"b": np.full(bits.size, -128), "zero_point_b": np.full(bits.size, -512)}
    back = returning(pipe, rng, np.where(upwards, 767, -639) * 384, bits)
    if back is not None:
        table.add(**ways, **back)
    n = 160
    zero_point, low, high = any_ends(rng, n)
    drawn: Columns = {side: between(rng, -128, 255, n) for side in ("a", "b")}
    drawn |= {f"zero_point_{side}": between(rng, -512, 511, n) for side in ("a", "b")}
    at = between(rng, shifts(pipe.unit)[0], pipe.unit.shift_max, n)
    at[: n // 2] = shifts(pipe.unit)[0] + np.arange(n // 2) % 4
    multiplier = between(rng, most // 2, most, n)
    table.add(**drawn, multiplier=multiplier, shift=at, zero_point=zero_point, low=low, high=high)


def _any(table: Table, pipe: Pipeline, rng: np.random.Generator, low: int, size: int, fixed: Columns) -> None:
    """Vectors with some columns fixed and the others drawn, shifted so that the product's upper bits are seen."""
    top = 1 << (pipe.unit.multiplier_bits - 1)
    columns = {port: between(rng, low, low + 255, size) for port in PORTS[:4]}
    columns |= {port: np.broadcast_to(np.asarray(values, np.int64), (size,)) for port, values in fixed.items()}
    total = (columns["a"] - columns["zero_point_a"]) * (columns["b"] - columns["zero_point_b"])
    multiplier = between(rng, top, 2 * top - 1, size)
    shift = fitting_shift(pipe, rng, total, multiplier)
    zero_point, first, last = placed_at(rng, pipe.rounded(total, multiplier, shift))
    table.add(**columns, multiplier=multiplier, shift=shift, zero_point=zero_point, low=first, high=last)


def _drawn(table: Table, pipe: Pipeline, rng: np.random.Generator, kind: StimulusKind) -> None:
    """uniform: over every register; shaped: one multiplier that spreads products over the codes."""
    n, bits = 4000, pipe.unit.multiplier_bits
    columns: Columns = {side: between(rng, -128, 127, n) for side in ("a", "b")}
    if kind == "uniform":
        columns |= {f"zero_point_{side}": between(rng, -128, 127, n) for side in ("a", "b")}
        columns |= {"multiplier": between(rng, 0, (1 << bits) - 1, n), "zero_point": between(rng, -128, 127, n)}
        columns["shift"] = between(rng, pipe.unit.shift_min, pipe.unit.shift_max, n)
    else:
        columns |= {"zero_point_a": -5, "zero_point_b": -128, "zero_point": 3}
        columns |= {"multiplier": 5 << (bits - 3), "shift": bits + 7}
    table.add(**columns, low=-128, high=127)
