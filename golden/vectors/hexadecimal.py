"""Words as lines of hex digits, fast: 16 bits at a time through a table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.vectors.packing import Patterns, WordBytes

CHUNK = 1 << 16
"""Words that are turned into text at a time: their text and its hash stay in the cache."""
_DIGITS = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_NUMBERS = np.arange(1 << 16)
_FOUR = np.stack([_DIGITS[_NUMBERS >> shift & 15] for shift in (12, 8, 4, 0)], axis=1).reshape(-1).view(np.uint32)
"""By 16-bit number: its four digits, side by side in memory."""


def bytes_of(patterns: Patterns, size: int) -> WordBytes:
    """[words] -> the lowest `size` bytes of each, the lowest first: uint8 [words, size]."""
    little = np.ascontiguousarray(patterns.astype("<u8", copy=False))
    return np.asarray(little.view(np.uint8).reshape(-1, 8)[:, :size])


def hex_digits(words: WordBytes, digits: int) -> NDArray[np.uint8]:
    """Words, lowest byte first, as `digits` lower-case ASCII digits each, highest first: uint8 [words, digits]."""
    quads = -(-digits // 4)
    if words.shape[1] < 2 * quads:
        words = np.pad(words, ((0, 0), (0, 2 * quads - words.shape[1])))
    numbers = np.ascontiguousarray(words[:, : 2 * quads]).view("<u2")[:, ::-1]
    text: NDArray[np.uint8] = _FOUR[numbers].view(np.uint8).reshape(len(words), 4 * quads)
    return text[:, 4 * quads - digits :]


def lines(words: WordBytes, digits: int, *, before: bytes = b"", behind: bytes = b"\n") -> NDArray[np.uint8]:
    """The digits of each word between fixed bytes: uint8 [words, ...]."""
    width = len(before) + digits + len(behind)
    found = np.empty((len(words), width), np.uint8)
    found[:, : len(before)] = np.frombuffer(before, np.uint8)
    found[:, len(before) : len(before) + digits] = hex_digits(words, digits)
    found[:, len(before) + digits :] = np.frombuffer(behind, np.uint8)
    return found
