"""The compiled loops of the requantizer over whole arrays; `requantize.py` chooses among them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import requantize, requantize_twice
from bittrue.simulator.jit import parallel_jit, prange
from bittrue.simulator.pipeline import pipeline

Integers = NDArray[np.integer]
NO_SECOND = -1
"""Stands for the second rounding of a requantizer that shifts once."""


@parallel_jit
def requantize_planes(
    accumulator: Integers,
    multiplier: Integers,
    bias: Integers,
    shift: Integers,
    zero_point: Integers,
    low: int,
    high: int,
    rounding: int,
    second: int,
    first_shift: int,
    codes: Integers,
) -> None:
    """Codes of accumulators [channels, rows, pitch], by the plain unit; constants one a channel."""
    channels, rows, width = codes.shape
    for item in prange(channels * rows):
        c = item // rows
        source, target = accumulator[c, item % rows], codes[c, item % rows]
        m, b, s, z = multiplier[c], bias[c], shift[c], zero_point[c]
        if second == NO_SECOND:
            for x in range(width):
                target[x] = requantize(source[x], m, b, s, z, low, high, rounding)
        else:
            for x in range(width):
                target[x] = requantize_twice(source[x], m, s, z, low, high, rounding, second, first_shift)


@parallel_jit
def requantize_rows(
    accumulator: Integers,
    multiplier: Integers,
    bias: Integers,
    shift: Integers,
    zero_point: Integers,
    low: int,
    high: int,
    rounding: int,
    second: int,
    first_shift: int,
    codes: Integers,
) -> None:
    """Codes of accumulators [rows, channels], by the plain unit; constants one a channel."""
    rows, channels = codes.shape
    for row in prange(rows):
        source, target = accumulator[row], codes[row]
        for c in range(channels):
            m, s, z = multiplier[c], shift[c], zero_point[c]
            if second == NO_SECOND:
                target[c] = requantize(source[c], m, bias[c], s, z, low, high, rounding)
            else:
                target[c] = requantize_twice(source[c], m, s, z, low, high, rounding, second, first_shift)


@parallel_jit
def pipeline_planes(
    accumulator: Integers,
    multiplier: Integers,
    bias: Integers,
    shift: Integers,
    zero_point: Integers,
    low: int,
    high: int,
    scale: NDArray[np.float32],
    rule: NDArray[np.int64],
    codes: Integers,
) -> None:
    """`requantize_planes` through every register of the unit."""
    channels, rows, width = codes.shape
    for item in prange(channels * rows):
        c = item // rows
        source, target = accumulator[c, item % rows], codes[c, item % rows]
        m, f, b, s, z = multiplier[c], scale[c], bias[c], shift[c], zero_point[c]
        for x in range(width):
            target[x] = pipeline(source[x], m, f, s, z, low, high, b, 0, 0, rule)[8]


@parallel_jit
def pipeline_rows(
    accumulator: Integers,
    multiplier: Integers,
    bias: Integers,
    shift: Integers,
    zero_point: Integers,
    low: int,
    high: int,
    scale: NDArray[np.float32],
    rule: NDArray[np.int64],
    codes: Integers,
) -> None:
    """`requantize_rows` through every register of the unit."""
    rows, channels = codes.shape
    for row in prange(rows):
        source, target = accumulator[row], codes[row]
        for c in range(channels):
            m, f, z = multiplier[c], scale[c], zero_point[c]
            target[c] = pipeline(source[c], m, f, shift[c], z, low, high, bias[c], 0, 0, rule)[8]
