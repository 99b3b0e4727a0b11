"""One file of a design, read as what it says of each element of a value.

.mem has one code a line, row-major; .hex and .bin have the words of the value's stream; .npy has values.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.vectors.derived import bin_bytes
from bittrue.golden.vectors.layout import elements_of, positions_of
from bittrue.golden.vectors.memory import Words, from_bin, from_mem, from_values, read_memory
from bittrue.golden.vectors.npy import from_npy
from bittrue.golden.vectors.packing import Packing, WordBytes, unpack
from bittrue.golden.vectors.values import Value
from bittrue.spec.errors import BadInput


def read_dump(path: Path, value: Value) -> Words:
    """What a file says of each element, row-major. Raises BadInput for a file that cannot be read or is not of its
    format; words that are wrong, unknown or missing are no errors."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput("a file of the design cannot be read", where=str(path), got=error.strerror) from error
    suffix, count = path.suffix.lower(), math.prod(value.shape)
    if suffix == ".npy":
        return _values(data, value, count, where=str(path))
    text = data.decode("utf-8", errors="replace") if suffix in (".mem", ".hex") else ""
    if suffix == ".mem" or (suffix == ".hex" and value.stream is None):
        return from_mem(text, value.bits, words=count, where=str(path))
    if value.stream is None:
        return from_bin(data, value.bits, signed=value.signed, words=count)
    words = value.words.packing.words_of(elements_of(value.words.layout, value.shape).size)
    if suffix == ".bin":
        return _packed_bin(data, value, words)
    raw = read_memory(text, value.words.packing.word_bits, words=words, where=str(path))
    return _elements(value, raw.values, raw.unknown, raw.written, raw.complaint)


def _values(data: bytes, value: Value, count: int, *, where: str) -> Words:
    codes = from_npy(data, where)
    words = from_values(codes.reshape(-1), value.bits, signed=value.signed, words=count)
    if codes.shape in (value.shape, (count,)) or words.complaint:
        return words
    complaint = f"has shape {codes.shape}, expected {value.shape} or ({count},)"
    return Words(words.patterns, words.known, words.spelling, complaint)


def _packed_bin(data: bytes, value: Value, words: int) -> Words:
    packing = value.words.packing
    size = packing.word_bytes
    count, rest = divmod(len(data), size)
    held = np.zeros((words, size), np.uint8)
    some = min(count, words)
    given = np.frombuffer(data, np.uint8, count=some * size).reshape(some, size)
    held[:some] = given[:, ::-1] if packing.byte_order == "big" else given
    unknown = np.zeros_like(held)
    unknown[:some][_wrong_spare_bits(held[:some], packing, signed=value.signed)] = 0xFF
    complaint = (
        "" if count == words and not rest else f"holds {len(data)} bytes, expected {words} words of {size} bytes"
    )
    return _elements(value, held, unknown, np.arange(words) < some, complaint)


def _wrong_spare_bits(words: WordBytes, packing: Packing, *, signed: bool) -> NDArray[np.bool_]:
    """[words]: whether the bits of the last byte past the word are not as `bin_bytes` writes them."""
    if not packing.word_bits % 8:
        return np.zeros(len(words), np.bool_)
    cut = words.copy()
    cut[:, -1] &= np.uint8((1 << packing.word_bits % 8) - 1)
    right = bin_bytes(cut, packing, signed=signed)
    wrong = (right[:, ::-1] if packing.byte_order == "big" else right)[:, -1] != words[:, -1]
    words[:, -1] = cut[:, -1]
    return np.asarray(wrong)


def _elements(value: Value, words: WordBytes, unknown: WordBytes, written: NDArray[np.bool_], complaint: str) -> Words:
    """Words of the stream as elements of the array; one is unknown where a bit of its lane is, or spare bits lie."""
    stream, shape = value.words, value.shape
    positions = elements_of(stream.layout, shape).size
    packed, right = unpack(words, value.bits, value.signed, stream.packing, positions)
    doubtful, clean = unpack(unknown, value.bits, False, stream.packing, positions)
    known = right & clean & (doubtful == 0) & np.repeat(written, stream.packing.lanes)[:positions]
    place = positions_of(stream.layout, shape)
    patterns, certain = packed[place], known[place]
    spelling = ""
    if not certain.all():
        word = int(place[certain.argmin()]) // stream.packing.lanes
        spelling = _spelled(words[word], unknown[word]) if written[word] else "missing"
    return Words(np.where(certain, patterns, np.uint64(0)), certain, spelling, complaint)


def _spelled(word: NDArray[np.uint8], unknown: NDArray[np.uint8]) -> str:
    """A word in hex, x for digits that are not known."""
    digits, doubts = bytes(word[::-1]).hex(), bytes(unknown[::-1]).hex()
    return "".join("x" if doubt != "0" else digit for digit, doubt in zip(digits, doubts, strict=True))
