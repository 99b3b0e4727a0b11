"""Tiles finished into words, and interpolated into bytes, against Python integers; both statements where both run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bittrue.simulator.plan import curve_tile, words_tile
from bittrue.simulator.plan.depthwise import pack_taps
from bittrue.simulator.plan.gemm import pack
from bittrue.simulator.plan.processor import has_vnni

Array = np.ndarray
Tile = Callable[..., None]
VECTOR = has_vnni()
WORDS = [
    pytest.param(words_tile._words_portable, words_tile._depthwise_words_portable, id="sums, then loops"),
    *([pytest.param(words_tile._words_vector, words_tile._depthwise_words_vector, id="registers")] if VECTOR else []),
]
CURVES = [
    pytest.param(curve_tile._curve_portable, curve_tile._depthwise_curve_portable, id="sums, then loops"),
    *([pytest.param(curve_tile._curve_vector, curve_tile._depthwise_curve_vector, id="registers")] if VECTOR else []),
]
SIGNED, UNSIGNED = (-(1 << 15), (1 << 15) - 1), (0, (1 << 16) - 1)
PITCH = 40
"""Elements from row to row of the target; those past the columns must stay as they are."""


def constants(multiplier: int, shift: int, zero: int, limits: tuple[int, int], unused: int) -> list[object]:
    """Of the requantizer, from `correction` to `unused`, the same for all columns."""
    full = [np.full(16, value, np.int32) for value in (0, multiplier)]
    return [*full, np.full(16, 1 << (shift - 1)), np.full(16, shift), np.full(16, zero, np.int32), *limits, unused]


def finished(sums: Array, multiplier: int, shift: int, zero: int, limits: tuple[int, int], unused: int) -> Array:
    """The contract of `finish_row` on Python integers."""
    half, bits = 1 << (shift - 1), 32 - unused
    wrapped = (sums.astype(object) + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))
    return np.clip(((wrapped * multiplier + half) >> shift) + zero, *limits)


def run(tile: Tile, operands: list[object], columns: int, rest: list[object], target: Array) -> Array:
    """8 rows of `columns` results from row offsets of PITCH elements."""
    places = np.arange(8, dtype=np.int64) * PITCH
    tile(*operands, 0, 0, columns, *rest, target, places, np.zeros(128, np.int32))
    assert not target.reshape(8, PITCH)[:, columns:].any(), "an element outside the tile was written"
    return target.reshape(8, PITCH)[:, :columns]


def product(rng: np.random.Generator, columns: int, length: int) -> tuple[list[object], Array]:
    """Arguments of a tile up to its weights, and its sums."""
    source = rng.integers(0, 256, (8, length)).astype(np.uint8)
    weight = rng.integers(-128, 128, (columns, length)).astype(np.int8)
    flat = np.concatenate([source.reshape(-1), np.zeros(64, np.uint8)])
    rows, segments = np.arange(8, dtype=np.int64) * length, np.zeros(1, np.int64)
    return [flat, rows, 0, segments, -(-length // 4), pack(weight, 1)], source.astype(int) @ weight.T.astype(int)


def depthwise(rng: np.random.Generator, columns: int, taps: int) -> tuple[list[object], Array]:
    """Arguments of a depthwise tile up to its weights, and its sums: `taps` pixels of 16 channels for each result."""
    source = rng.integers(0, 256, (8, taps, 16)).astype(np.uint8)
    weight = rng.integers(-128, 128, (columns, taps)).astype(np.int8)
    flat = np.concatenate([source.reshape(-1), np.zeros(64, np.uint8)])
    offsets = np.pad(np.arange(taps, dtype=np.int64) * 16, (0, -taps % 4), mode="edge")
    sums = (source[:, :, :columns].astype(int) * weight.T.astype(int)).sum(axis=1)
    return [flat, np.arange(8, dtype=np.int64) * taps * 16, 0, offsets, pack_taps(weight)], sums


@pytest.mark.parametrize("limits, dtype", [(SIGNED, np.int16), (UNSIGNED, np.uint16)])
@pytest.mark.parametrize("tile, depthwise_tile", WORDS)
def test_words(tile: Tile, depthwise_tile: Tile, limits: tuple[int, int], dtype: type[np.integer]) -> None:
    """Any number of columns; results past both ends of the code range are limited, narrow registers wrap."""
    seen: set[int] = set()
    for seed, columns in enumerate((1, 7, 16, 16)):
        rng = np.random.default_rng(seed)
        for unused, shift, zero in ((0, 30, -77), (0, 32, 30000), (15, 30, 5)):
            of = ((1 << 30) + 12345, shift, zero, limits, unused)
            for given, (operands, sums) in (
                (tile, product(rng, columns, 37)),
                (depthwise_tile, depthwise(rng, columns, 9)),
            ):
                found = run(given, operands, columns, constants(*of), np.zeros(8 * PITCH, dtype))
                wanted = finished(sums, *of)
                assert (found == wanted).all()
                seen |= {*wanted.reshape(-1).tolist()}
    assert {*limits} <= seen


@pytest.mark.parametrize("step", [0, 1, 5, 8, 14])
@pytest.mark.parametrize("tile, depthwise_tile", CURVES)
def test_curves(tile: Tile, depthwise_tile: Tile, step: int) -> None:
    """One table or one a column, nodes over their whole range; codes at both ends of the range and between."""
    nodes = (1 << (16 - step)) + 1 if step > 4 else 257  # codes of 16 bits, or of so many as 256 steps have
    high = SIGNED[0] + ((nodes - 1) << step) - 1
    limits, shift = (SIGNED[0], high), step + 8
    for seed, columns in enumerate((3, 16)):
        rng = np.random.default_rng(10 * step + seed)
        for tables in (1, columns):
            table = rng.choice(np.array([0, 65280, *rng.integers(0, 65281, 6)]), (tables, nodes))
            entries = (np.stack([table[:, :-1], table[:, 1:]], axis=-1) - (1 << 15)).astype(np.int16).reshape(-1)
            firsts = np.zeros(16, np.int32)
            firsts[:columns] = np.arange(columns) * (nodes - 1) if tables > 1 else 0
            rule = np.array([step, (1 << (15 + step)) + ((1 << shift) >> 1), shift], np.int64)
            of = (1 << 30, 30 if step > 4 else 37, (SIGNED[0] + high) // 2, limits, 0)
            for given, (operands, sums) in (
                (tile, product(rng, columns, 21)),
                (depthwise_tile, depthwise(rng, columns, 9)),
            ):
                rest = [*constants(*of), entries, firsts, rule]
                found = run(given, operands, columns, rest, np.zeros(8 * PITCH, np.uint8))
                distance = (finished(sums, *of) - SIGNED[0]).astype(int)
                node, left = distance >> step, distance & ((1 << step) - 1)
                each = np.broadcast_to(np.arange(columns) if tables > 1 else 0, node.shape)
                base, following = (table[each, node + after].astype(object) for after in (0, 1))
                value = (base << step) + (following - base) * left
                assert (found == (value + (1 << (shift - 1)) >> shift)).all()
