"""Stimuli of the average of a row: the requantizer's corners with accumulators that rows of codes sum to."""

from __future__ import annotations

import numpy as np

from bittrue.golden.stimuli.draw import between, generator, walking_signed
from bittrue.golden.stimuli.pipeline import Pipeline, any_ends, fitting_shift, returning, wide_ends
from bittrue.golden.stimuli.pipeline_corners import pipeline_corners
from bittrue.spec.coverage.mean import LENGTHS, mean_served
from bittrue.spec.coverage.requantize import ZERO_POINTS, requantizer_served
from bittrue.spec.datapath import Datapath
from bittrue.spec.vectors import Integers, Stimuli, StimulusKind

N = 16
"""Codes a row of the corners: their sums have 12 bits and a sign."""


def mean_stimuli(datapath: Datapath, kind: StimulusKind, seed: int) -> tuple[Stimuli, ...]:
    """Sets of one kind for the unit `mean`."""
    mean_served(datapath)
    unit = requantizer_served(datapath, "mean")
    rng = generator(seed, "mean", kind)
    pipe = Pipeline(unit, 12)
    if kind == "directed":
        return (
            _corners(pipe, rng),
            *(_rows(pipe, rng, n) for n in LENGTHS),
            *_wide(pipe, rng),
            *_returning(pipe, rng),
            _longest(pipe, rng),
        )
    return (_drawn(pipe, rng, kind),)


def _corners(pipe: Pipeline, rng: np.random.Generator) -> Stimuli:
    columns = pipeline_corners(pipe, rng).columns()
    # A sum of -2^11 is within reach too; the zero point of the codes makes any sum of any codes.
    total = columns.pop("accumulator")
    codes, zero_point_x = rows_that_sum(rng, total, N)
    return Stimuli("mean", "corners", "directed", {"codes": codes, "zero_point_x": zero_point_x, **columns})


def rows_that_sum(rng: np.random.Generator, total: Integers, n: int) -> tuple[Integers, Integers]:
    """[rows, n] codes of 8 bits and their zero points, [rows], with sum(q - z) = total; |total| <= 255 * n."""
    rows = total.size
    low = np.where(rng.integers(0, 2, rows) == 0, -128, 0)
    mean = total // n
    zero_point = between(rng, np.maximum(low, low - mean), np.minimum(low + 255, low + 255 + (-total // n)), rows)
    whole = total + n * zero_point
    codes = np.repeat((whole // n)[:, None], n, axis=1) + (np.arange(n) < (whole % n)[:, None])
    codes = rng.permuted(codes, axis=1)
    # Move amounts between neighbours, which keeps the sum.
    for step in range(2):
        left, right = codes[:, step : n - 1 : 2], codes[:, step + 1 :: 2][:, : (n - step) // 2]
        least = np.maximum(low[:, None] - left, right - low[:, None] - 255)
        most = np.minimum(low[:, None] + 255 - left, right - low[:, None])
        amount = between(rng, least, most, left.shape)
        left += amount
        right -= amount
    return codes, zero_point


def _rows(pipe: Pipeline, rng: np.random.Generator, n: int) -> Stimuli:
    """Rows of another length: equal codes, one code that is not the zero point, sums of any size."""
    rows: list[Integers] = [np.full(n, code) for code in (-128, 127, 0, -1)]
    zero_points = [0, 0, 0, 0]
    for zero_point in ZERO_POINTS.values():
        for position in (0, n - 1, n // 2):
            row = np.full(n, zero_point)
            row[position] += int(rng.integers(1, 90)) * (1 if zero_point <= 0 else -1)
            rows.append(row)
            zero_points.append(zero_point)
    alternating = np.where(np.arange(n) % 2 == 0, 100, -100)
    rows += [alternating, -alternating]
    zero_points += [0, 0]
    sums = between(rng, -255 * n, 255 * n, 40)
    sums[:20] >>= between(rng, 0, 12, 20)
    sums[20:34] = np.repeat([-255 * n, 255 * n], 7)
    drawn, drawn_zero_points = rows_that_sum(rng, sums, n)
    codes = np.concatenate([np.stack(rows), drawn])
    zero_point_x = np.concatenate([np.array(zero_points, np.int64), drawn_zero_points])
    bits = pipe.unit.multiplier_bits
    columns = {
        "multiplier": between(rng, 1 << (bits - 1), (1 << bits) - 1, len(codes)),
        "shift": between(rng, bits, bits + int(n).bit_length(), len(codes)),
        "zero_point": between(rng, -20, 20, len(codes)),
        "low": np.full(len(codes), -128),
        "high": np.full(len(codes), 127),
    }
    return Stimuli("mean", f"rows_of_{n}", "directed", {"codes": codes, "zero_point_x": zero_point_x, **columns})


def _wide(pipe: Pipeline, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Zero points outside the codes: the codes' up to 10 bits, the result's up to 31; limits of 16 bits; long rows."""
    sets, bits = [], pipe.unit.multiplier_bits
    for n, rows in ((16, 400), (4096, 8)):
        codes = between(rng, -128, 255, (rows, n))
        codes[::2] = rng.choice([-128, 255], (len(codes[::2]), 1))
        zero_point_x = rng.choice(walking_signed(10), rows)
        zero_point_x[:2] = (511, -512)
        total = (codes - zero_point_x[:, None]).sum(axis=1)
        multiplier = between(rng, 1 << (bits - 1), (1 << bits) - 1, rows) >> between(rng, 0, bits, rows)
        shift = fitting_shift(pipe, rng, total, multiplier, result_bits=28) + between(rng, 0, 24, rows)
        shift = np.minimum(shift, pipe.unit.shift_max)
        zero_point, low, high = wide_ends(rng, pipe.rounded(total, multiplier, shift))
        columns = {"multiplier": multiplier, "shift": shift, "zero_point": zero_point, "low": low, "high": high}
        driven = {"codes": codes, "zero_point_x": zero_point_x, **columns}
        sets.append(Stimuli("mean", f"wide_codes_{n}", "directed", driven))
    return tuple(sets)


def _returning(pipe: Pipeline, rng: np.random.Generator) -> tuple[Stimuli, ...]:
    """Results past a limit by one bit alone, up to the largest; long rows where short ones do not reach."""
    sets = []
    for n, first, last in ((16, 9, 44), (4096, 44, 53)):
        bits = np.repeat(np.arange(first, last, dtype=np.int64), 4)
        upwards = np.arange(bits.size) % 2 == 0
        codes = np.where(upwards, 255, -128)[:, None] + np.zeros((1, n), np.int64)
        zero_point_x = np.where(upwards, -512, 511)
        columns = returning(pipe, rng, (codes - zero_point_x[:, None]).sum(axis=1), bits)
        if columns is not None:
            driven = {"codes": codes, "zero_point_x": zero_point_x, **columns}
            sets.append(Stimuli("mean", f"returning_{n}", "directed", driven))
    return tuple(sets)


def _longest(pipe: Pipeline, rng: np.random.Generator) -> Stimuli:
    """Sums of either sign up to the largest there are, multiplied and shifted by anything: every wire to its ends."""
    rows, n, bits = 36, 4096, pipe.unit.multiplier_bits
    least = 0 if pipe.unit.shift_min <= 1 else pipe.unit.shift_min
    upwards = np.arange(rows) % 2 == 0
    codes = np.where(upwards, 255, -128)[:, None] + np.zeros((1, n), np.int64)
    zero_point_x = np.where(upwards, -512, 511)
    drawn = np.arange(rows) % 3 == 2
    codes[drawn] = between(rng, -128, 255, (int(drawn.sum()), n))
    zero_point_x[drawn] = between(rng, -512, 511, int(drawn.sum()))
    multiplier = (1 << bits) - 1 - between(rng, 0, (1 << bits) - 1, rows) % (np.int64(1) << between(rng, 0, bits, rows))
    shift = between(rng, least, pipe.unit.shift_max, rows)
    shift[: rows // 2] = least + np.arange(rows // 2) // 2 % 5
    zero_point, low, high = any_ends(rng, rows)
    columns = {"multiplier": multiplier, "shift": shift, "zero_point": zero_point, "low": low, "high": high}
    return Stimuli("mean", "longest", "directed", {"codes": codes, "zero_point_x": zero_point_x, **columns})


def _drawn(pipe: Pipeline, rng: np.random.Generator, kind: StimulusKind) -> Stimuli:
    """uniform: over every register; shaped: the average itself, as a network's last layer takes it."""
    rows, n, bits = 2000, 64, pipe.unit.multiplier_bits
    top = 1 << (bits - 1)
    uniform = kind == "uniform"
    columns = {
        "codes": between(rng, -128, 127, (rows, n)),
        "zero_point_x": between(rng, -128, 127, rows) if uniform else np.full(rows, -3),
        "multiplier": between(rng, 0, 2 * top - 1, rows) if uniform else np.full(rows, top + top // 3),
        "shift": between(rng, 1, pipe.unit.shift_max, rows) if uniform else np.full(rows, bits + 3),
        "zero_point": between(rng, -128, 127, rows) if uniform else np.full(rows, 5),
        "low": np.full(rows, -128),
        "high": np.full(rows, 127),
    }
    return Stimuli("mean", kind, kind, columns)
