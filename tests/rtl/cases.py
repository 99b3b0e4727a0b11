"""Arrays for one unit at a time, drawn so that its registers fill and its corners are met. For the tests here only.

Directed sets proper stand in golden/stimuli; these are the designs' own and must not depend on them.
"""

from __future__ import annotations

import numpy as np
from rtl.row_cases import norm, softmax

from bittrue.spec.units.section import Arrays

COUNT = 20_000


def requantize() -> Arrays:
    """Uniform accumulators; half of the shifts bring the value near the codes; ties; three pairs of limits."""
    draw = np.random.default_rng(1)
    accumulator = draw.integers(-(1 << 31), 1 << 31, COUNT) >> draw.integers(0, 20, COUNT)
    multiplier = draw.integers(1 << 30, 1 << 31, COUNT)
    near = np.array([int(a).bit_length() for a in np.abs(accumulator)]) + 31 - draw.integers(5, 9, COUNT)
    shift = np.where(draw.random(COUNT) < 0.5, draw.integers(1, 63, COUNT), np.clip(near, 1, 62))
    ties = COUNT // 10  # odd accumulators times 2**30, shifted by 31: every value lies between two codes
    accumulator[:ties], multiplier[:ties], shift[:ties] = 2 * draw.integers(-150, 150, ties) + 1, 1 << 30, 31
    accumulator[-2:] = -(1 << 31), (1 << 31) - 1
    low, high = np.array([[-128, 127], [0, 255], [-20, 100]])[draw.integers(0, 3, COUNT)].T
    zero_point = draw.integers(-128, 128, COUNT)
    return {
        "accumulator": accumulator, "multiplier": multiplier, "shift": shift, "zero_point": zero_point, "low": low,
        "high": high,
    }  # fmt: skip


def add() -> Arrays:
    """Codes of 8 bits, one of the multipliers with its top bit set, sums near the codes, ties."""
    draw = np.random.default_rng(2)
    a, b, zero_a, zero_b, zero = draw.integers(-128, 128, (5, COUNT))
    large, small = draw.integers(1 << 30, 1 << 31, COUNT), draw.integers(0, 1 << 31, COUNT)
    swapped = draw.random(COUNT) < 0.5
    multiplier_a, multiplier_b = np.where(swapped, (small, large), (large, small))
    shift = draw.integers(28, 36, COUNT)
    shift[:100] = draw.integers(1, 63, 100)
    ties = COUNT // 10
    multiplier_a[-ties:], multiplier_b[-ties:], shift[-ties:] = 1 << 30, 1 << 30, 31
    return {
        "a": a, "b": b, "zero_point_a": zero_a, "zero_point_b": zero_b, "multiplier_a": multiplier_a,
        "multiplier_b": multiplier_b, "shift": shift, "zero_point": zero, "low": np.array(-128), "high": np.array(127),
    }  # fmt: skip


def table() -> Arrays:
    """Every code, then a thousand more, through a table without two equal neighbours."""
    draw = np.random.default_rng(3)
    codes = np.concatenate([np.arange(-128, 128), draw.integers(-128, 128, 1000)])
    entries = (np.arange(256) * 77 + 13) % 256 - 128
    return {"codes": codes, "input_low": np.array(-128), "table": entries}


def mac(*, k: int = 75, columns: int = 21) -> Arrays:
    """Codes of 8 bits, K no multiple of the tile, more columns than the array, both zero points, rows of extremes."""
    draw = np.random.default_rng(4)
    activations = draw.integers(-128, 128, (400, k))
    weights = draw.integers(-128, 128, (k, columns))
    activations[:100] = np.sign(weights[:, draw.integers(0, columns, 100)].T + 0.5) * 127
    activations[100], activations[101] = -128, 127
    bias = draw.integers(-(1 << 18), 1 << 18, columns)
    return {
        "activations": activations, "weights": weights, "bias": bias, "activation_zero_point": np.array(-7),
        "weight_zero_point": np.array(5),
    }  # fmt: skip


def mac_unsigned() -> Arrays:
    """Without zero points, which unsigned products do not have."""
    return {**mac(), "activation_zero_point": np.array(0), "weight_zero_point": np.array(0)}


CASES = {"requantize": requantize, "add": add, "table": table, "mac": mac, "softmax": softmax, "norm": norm}
