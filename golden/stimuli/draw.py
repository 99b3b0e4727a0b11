"""Random integers that every set of stimuli is drawn from: reproducible, and spread as arithmetic needs them."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.vectors import Integers

Drawn = NDArray[np.integer]


def generator(seed: int, *names: str) -> np.random.Generator:
    """A stream of its own for each set: adding a set changes no other. PCG64, whose stream NumPy keeps."""
    digest = hashlib.sha256("/".join(names).encode()).digest()
    return np.random.Generator(np.random.PCG64([seed, int.from_bytes(digest[:8], "little")]))


def between(rng: np.random.Generator, low: int | Drawn, high: int | Drawn, size: int | tuple[int, ...]) -> Integers:
    """Even over low..high, both included."""
    return rng.integers(low, high, size, dtype=np.int64, endpoint=True)


def of_any_size(rng: np.random.Generator, bits: int, size: int, *, signed: bool) -> Integers:
    """Integers whose number of bits is spread evenly over 0..bits, so that small ones are as frequent as large."""
    widths = rng.integers(0, bits, size, dtype=np.int64, endpoint=True)
    found = rng.integers(0, (np.int64(1) << widths) - 1, size, dtype=np.int64, endpoint=True)
    found |= np.where(widths > 0, np.int64(1) << np.maximum(widths - 1, 0), 0)
    return np.where(rng.integers(0, 2, size) == 1, -found, found) if signed else found


def walking(bits: int) -> Integers:
    """One 1 in zeros, one 0 in ones, and 0 in front of ones (2**k - 1): unsigned, `bits` wide."""
    ones = np.int64(1) << np.arange(bits, dtype=np.int64)
    return np.unique(np.concatenate([ones, ((1 << bits) - 1) ^ ones, ones - 1, [(1 << bits) - 1]]))


def walking_signed(bits: int) -> Integers:
    """The same patterns in a two's complement register."""
    found = walking(bits)
    return np.unique(np.where(found >= 1 << (bits - 1), found - (1 << bits), found))
