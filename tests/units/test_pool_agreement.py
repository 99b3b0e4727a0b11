"""The divisions of average pooling: kernel and judge give the same integers for every sum and number of taps."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bittrue.golden.units.pool import quotient, reciprocal_product
from bittrue.simulator.units.pool import quotients, reciprocal_products
from bittrue.spec.units.pool import Division

COUNTS = (*range(1, 66), 81, 100, 121, 127, 128, 129, 144, 196, 255, 256, 257, 784, 1023, 1024, 1025, 3136)
ROUNDINGS = get_args(Division)


def tensors(*arrays: NDArray[np.int64]) -> tuple[torch.Tensor, ...]:
    """The arrays for the judge, all in one shape."""
    return tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in np.broadcast_arrays(*arrays))


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_every_quotient(rounding: Division) -> None:
    """Every sum that 8-bit taps can have for up to 16 taps, and sums at the ends beyond."""
    for count in COUNTS:
        sums = np.arange(-128 * count, 255 * count + 1) if count <= 16 else _edges(count)
        counts = np.full_like(sums, count)
        judged = quotient(*tensors(sums, counts), rounding).numpy()
        assert judged.dtype == np.int64
        assert (quotients(sums, counts, rounding) == judged).all(), count


def test_every_reciprocal() -> None:
    """The same sums, times TOSA's reciprocal."""
    for count in COUNTS:
        sums = np.arange(-255 * count, 255 * count + 1) if count <= 16 else _edges(count)
        counts = np.full_like(sums, count)
        judged = reciprocal_product(*tensors(sums, counts)).numpy()
        assert judged.dtype == np.int64
        assert (reciprocal_products(sums, counts) == judged).all(), count


@settings(max_examples=100, deadline=None)
@given(
    count=st.integers(1, 1 << 16) | st.sampled_from([1 << k for k in range(17)]),
    bits=st.integers(1, 30),
    seed=st.integers(0, 1 << 30),
)
def test_any_sum(count: int, bits: int, seed: int) -> None:
    """Any window and any sum of up to 30 bits, counts that differ between elements."""
    rng = np.random.default_rng(seed)
    sums = rng.integers(-(1 << bits), 1 << bits, (9, 11))
    counts = np.maximum(1, count - rng.integers(0, 3, (9, 11)))
    for rounding in ROUNDINGS:
        assert (quotients(sums, counts, rounding) == quotient(*tensors(sums, counts), rounding).numpy()).all()
    assert (reciprocal_products(sums, counts) == reciprocal_product(*tensors(sums, counts)).numpy()).all()


def test_quotients_by_fractions() -> None:
    """The judge's five roundings are what their names say, on exact fractions."""
    half = Fraction(1, 2)

    def away(x: Fraction) -> int:
        return floor(abs(x) + half) * (1 if x >= 0 else -1)

    rules = {
        "half_up": lambda x: floor(x + half),
        "half_away": away,
        "half_even": round,
        "floor": floor,
        "toward_zero": int,
    }
    assert set(rules) == set(ROUNDINGS)
    for count in (1, 2, 3, 4, 6, 9, 16):
        sums = range(-5 * count, 5 * count + 1)
        for rounding, rule in rules.items():
            found = quotient(torch.tensor(list(sums)), torch.tensor(count), rounding)  # type: ignore[arg-type]
            assert found.tolist() == [rule(Fraction(total, count)) for total in sums]


def _edges(count: int) -> NDArray[np.int64]:
    """Sums beside every quotient and every half of -128..255, and both ends."""
    steps = np.arange(-256, 511)
    near = (steps * count // 2)[:, None] + np.arange(-1, 3)
    return np.concatenate([near.reshape(-1), [-255 * count, 255 * count]])
