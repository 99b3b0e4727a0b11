"""The innermost products against Python integers, at the ends of every range; both statements where both run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bittrue.simulator.plan import runs, tile
from bittrue.simulator.plan.gemm import pack
from bittrue.simulator.plan.processor import has_vnni

STATEMENTS = [
    pytest.param(tile._codes_portable, id="sums, then loops"),
    *([pytest.param(tile._codes_vector, id="in registers")] if has_vnni() else []),
]
NO_TABLE = np.empty(0, np.uint8)


def run(
    codes_tile: Callable[..., None],
    source: np.ndarray,
    weight: np.ndarray,
    *,
    pairs: bool = False,
    low: int = 0,
    high: int = 255,
    unused: int = 0,
    multiplier: int = 1 << 30,
    shift: int = 32,
    correction: int = 0,
    table: np.ndarray = NO_TABLE,
) -> np.ndarray:
    """8 rows of source [8, K] by weight [columns, K] -> bytes [8, columns]."""
    columns = weight.shape[0]
    rows = np.ascontiguousarray(source).view(np.uint8)
    length = rows.shape[1]
    flat = np.concatenate([rows.reshape(-1), np.zeros(64, np.uint8)])
    packed = pack(np.ascontiguousarray(weight).view(np.int8), 1) if pairs else pack(weight, 1)
    places = np.arange(8, dtype=np.int64)
    target = np.zeros(8 * 40, np.uint8)
    full = (np.full(16, value, dtype) for value, dtype in ((correction, np.int32), (multiplier, np.int32)))
    offset, shifts = np.full(16, 1 << (shift - 1), np.int64), np.full(16, shift, np.int64)
    segments = np.zeros(1, np.int64)
    arguments: list[Any] = [
        flat,
        places * length,
        0,
        segments,
        -(-length // 4),
        packed,
        0,
        int(pairs),
        0,
        columns,
        *full,
    ]
    arguments += [offset, shifts, np.zeros(16, np.int32), low, high, unused, table, target, places * 40]
    codes_tile(*arguments, np.zeros(256, np.int32))
    assert not target.reshape(8, 40)[:, columns:].any(), "a byte outside the tile was written"
    return target.reshape(8, 40)[:, :columns]


def plainly(sums: np.ndarray, *, multiplier: int, shift: int, unused: int, low: int, high: int) -> np.ndarray:
    """The contract of `finish_row` on Python integers."""
    found = []
    for value in sums.astype(object).reshape(-1):
        bits = 32 - unused
        kept = (int(value) + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))
        found.append(min(max((kept * multiplier + (1 << (shift - 1))) >> shift, low), high))
    return np.array(found).reshape(sums.shape)


@pytest.mark.parametrize("codes_tile", STATEMENTS)
@pytest.mark.parametrize("columns", [1, 7, 16])
@pytest.mark.parametrize("length", [1, 3, 4, 29, 160])
def test_random_tiles(codes_tile: Callable[..., None], columns: int, length: int) -> None:
    """Any K and any number of columns; bytes and weights over their whole range."""
    rng = np.random.default_rng(length * 17 + columns)
    source = rng.integers(0, 256, (8, length)).astype(np.uint8)
    weight = rng.integers(-128, 128, (columns, length)).astype(np.int8)
    sums = source.astype(np.int64) @ weight.T.astype(np.int64)
    for multiplier, shift in ((1 << 30, 38), ((1 << 31) - 1, 32), (1999999999, 46), (1 << 30, 30), (3, 1)):
        wanted = plainly(sums, multiplier=multiplier, shift=shift, unused=0, low=3, high=250)
        assert (run(codes_tile, source, weight, multiplier=multiplier, shift=shift, low=3, high=250) == wanted).all()


@pytest.mark.parametrize("codes_tile", STATEMENTS)
def test_extreme_products_do_not_saturate(codes_tile: Callable[..., None]) -> None:
    """Four products of 255 and -128 pass 16 bits; an instruction that saturates them would be seen."""
    source = np.full((8, 8), 255, np.uint8)
    for value in (-128, 127):
        weight = np.full((16, 8), value, np.int8)
        wanted = plainly(np.full((8, 16), 8 * 255 * value), multiplier=1 << 30, shift=40, unused=0, low=0, high=255)
        offset = {"correction": 8 * 255 * 128} if value < 0 else {}
        found = run(codes_tile, source, weight, shift=40, **offset)
        assert (found == (0 if value < 0 else wanted)).all()


@pytest.mark.parametrize("codes_tile", STATEMENTS)
@pytest.mark.parametrize("unused", [0, 1, 8, 24])
def test_sums_wrap_in_the_register(codes_tile: Callable[..., None], unused: int) -> None:
    """The correction may carry a sum past 32 bits, and a narrower register drops more."""
    rng = np.random.default_rng(unused)
    source = rng.integers(0, 256, (8, 64)).astype(np.uint8)
    weight = rng.integers(-128, 128, (16, 64)).astype(np.int8)
    correction = (1 << 31) - 5
    sums = source.astype(np.int64) @ weight.T.astype(np.int64) + correction
    wanted = plainly(sums, multiplier=1 << 30, shift=max(32, 54 - unused), unused=unused, low=0, high=255)
    found = run(codes_tile, source, weight, shift=max(32, 54 - unused), unused=unused, correction=correction)
    assert (found == wanted).all()


@pytest.mark.parametrize("codes_tile", STATEMENTS)
def test_pairs_of_sixteen_bits(codes_tile: Callable[..., None]) -> None:
    """Unsigned 16-bit numbers count 2**15 less; an odd number of them ends in half a word of weight 0."""
    rng = np.random.default_rng(0)
    for count in (2, 5, 64):
        numbers = rng.integers(0, 1 << 16, (8, count)).astype("<u2")
        numbers[0], numbers[1] = 0, 65535
        weight = rng.integers(-128, 128, (16, count)).astype("<i2")
        weight[3], weight[4] = -128, 127
        sums = (numbers.astype(np.int64) - (1 << 15)) @ weight.T.astype(np.int64)
        wanted = plainly(sums, multiplier=1 << 30, shift=48, unused=0, low=0, high=255)
        assert (run(codes_tile, numbers, weight, pairs=True, shift=48) == wanted).all()


@pytest.mark.parametrize("codes_tile", STATEMENTS)
def test_a_table_behind_the_tile(codes_tile: Callable[..., None]) -> None:
    """Every byte is read from the table, all 256 of them."""
    rng = np.random.default_rng(1)
    table = rng.permutation(256).astype(np.uint8)
    for start in range(0, 256, 128):
        source = np.arange(start, start + 128, dtype=np.uint8).reshape(8, 16)
        identity = np.eye(16, dtype=np.int8)
        assert (run(codes_tile, source, 4 * identity, shift=32, table=table) == table[source]).all()
        assert (run(codes_tile, source, 4 * identity[:5], shift=32, table=table) == table[source[:, :5]]).all()


@pytest.mark.parametrize("count", [1, 63, 64, 65, 200])
def test_mapped_runs(count: int) -> None:
    """A run of any length, and not a byte behind it."""
    rng = np.random.default_rng(count)
    source, table = rng.integers(0, 256, count + 9).astype(np.uint8), rng.permutation(256).astype(np.uint8)
    for statement in (runs._map_portable, runs.map_run):
        target = np.zeros(count + 70, np.uint8)
        statement(source, 9, target, 3, count, table)
        assert (target[3 : 3 + count] == table[source[9:]]).all()
        assert not target[:3].any() and not target[3 + count :].any()


@pytest.mark.parametrize("count", [1, 15, 16, 17, 100])
def test_runs_of_pairs(count: int) -> None:
    """A run of any length, and not a byte behind it; the table's last entry is read as well."""
    rng = np.random.default_rng(count)
    upper, lower = (rng.integers(0, 256, count + 40).astype(np.uint8) for _ in range(2))
    upper[3] = lower[5] = 255
    table = rng.integers(0, 256, 65536 + 64).astype(np.uint8)
    for statement in (runs._pairs_run_portable, runs.pairs_run):
        target = np.zeros(count + 40, np.uint8)
        statement(upper, 3, lower, 5, target, 7, count, table)
        wanted = table[256 * upper[3 : 3 + count].astype(int) + lower[5 : 5 + count]]
        assert (target[7 : 7 + count] == wanted).all()
        assert not target[:7].any() and not target[7 + count :].any()
