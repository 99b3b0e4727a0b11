"""Rows of codes with the corners of softmax and norm, as arrays of `bittrue unit`. For the tests here only."""

from __future__ import annotations

import math

import numpy as np
from norm_units import extreme_rows
from numpy.random import Generator
from softmax_parameters import logit_rows

from bittrue.hw_configs.load import load_datapath
from bittrue.spec.units.norm import ExactNorm
from bittrue.spec.units.section import Arrays, Integers, Width

CODES = Width(8, True)
LENGTHS = (1, 2, 16, 49, 256, 300)
"""Of rows: alone, a pair, tokens of maps of 4x4, 7x7 and 16x16, and more than 256 equal exponentials."""
TABLE = np.array([round(65535 * math.exp(-0.05 * d)) for d in range(256)])
"""Exponentials down to 1 and 0."""


def softmax(n: int = 64) -> Arrays:
    """Corners and any codes; and, of four codes and more, a sum of 2**17, where odd exponentials tie."""
    rng = np.random.default_rng(n)
    rows = [logit_rows(rng, CODES, n), rng.integers(-128, 127, (30, n), endpoint=True)]
    if n >= 4:
        row = np.full(n, -128)
        row[:4] = [127, 127, *[127 - int(np.flatnonzero(TABLE == 1)[0])] * 2]
        assert TABLE[127 - row].sum() == 1 << 17
        rows.append(np.array([row, rng.permutation(row)]))
    return {"logits": np.concatenate(rows), "table": TABLE}


def norm(n: int = 21, epsilon: int | None = None) -> Arrays:
    """Corners, nearly constant rows and any codes; gammas and betas of both signs; outputs in and past the codes.

    Without epsilon it is the one that brings the variance of some rows to 4**17, where half of the quotients tie:
    the root is then 2**(17 + k) and (n*q - S1) / 2 is rounded.
    """
    rng = np.random.default_rng(n)
    rows = [extreme_rows(CODES, n), 5 + rng.integers(-2, 2, (4, n), endpoint=True)]
    rows += [rng.integers(-128, 127, (20, n), endpoint=True)]
    if epsilon is None:
        row = rng.integers(-127, 127, n, endpoint=True)
        epsilon = (1 << 34) - n * int((row * row).sum()) + int(row.sum()) ** 2
        rows += [np.array([row, -row, *(rng.permutation(row) for _ in range(8))])]
    shift, bits = norm_shifts(n, epsilon)
    constants = {"epsilon": np.array([epsilon]), "root_shift": shift, "reciprocal_bits": bits}
    return {"codes": np.concatenate(rows), **constants, **_affine(rng, n, 12 if shift[0] <= 13 else 19)}


def softmax_sets() -> list[Arrays]:
    """Rows of every length, and as long as the memory."""
    longest = np.random.default_rng(1).integers(-128, 128, (1, 4096))
    longest[0, :3000] = 127
    return [softmax(), *(_few(softmax(n), "logits") for n in LENGTHS), {**softmax(), "logits": longest}]


def norm_sets() -> list[Arrays]:
    """Rows of every length with two epsilons, and as long as the memory."""
    sets = [_few(norm(n, epsilon), "codes") for n in LENGTHS for epsilon in (1, 1 + n * n // 3)]
    longest = norm(4096, 1)
    return [norm(), *sets, {**longest, "codes": longest["codes"][-1:]}]


def _few(arrays: Arrays, name: str) -> Arrays:
    """Every so manyth row, 2000 codes together."""
    rows = arrays[name]
    return {**arrays, name: rows[:: max(1, rows.size // 2000)]}


SETS = {"softmax": softmax_sets, "norm": norm_sets}


def norm_shifts(n: int, epsilon: int, codes: Width = CODES) -> tuple[Integers, Integers]:
    """root_shift and reciprocal_bits, which follow from the row."""
    unit = load_datapath("iot_npu").norm
    assert isinstance(unit, ExactNorm)
    shift, bits = unit.root_shift_and_reciprocal_bits(codes, n, epsilon)
    return np.array([shift]), np.array([bits])


def _affine(rng: Generator, n: int, reach_bits: int) -> dict[str, Integers]:
    """For normalized values of so many bits and a sign."""
    gamma = rng.integers(-65535, 65535, n, endpoint=True) >> rng.integers(0, 16, n)
    gamma = np.where(rng.random(n) < 0.2, rng.choice([-65535, 65535, 0], n), gamma)
    gamma_bits = np.array([int(value).bit_length() for value in np.abs(gamma)])
    shift = np.maximum(gamma_bits + reach_bits - rng.integers(6, 10, n), 1)
    return {
        "multiplier": gamma,
        "bias": rng.integers(-64, 64, n) << shift,
        "shift": shift,
        "zero_point": np.array([37]),
        "low": np.array([-128]),
        "high": np.array([127]),
    }
