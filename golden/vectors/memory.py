"""Codes as memory images: $readmemh text and raw little-endian bytes, written and read back.

For whoever loads vectors into a simulator's memory and dumps its memories for comparison. Inside, a
word is a bit pattern: uint64, the low `bits` bits. Text format: IEEE 1800-2017, 21.4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.vectors.npy import storage_dtype
from bittrue.spec.arithmetic import code_range
from bittrue.spec.errors import BadInput, OutOfDomain

Patterns = NDArray[np.uint64]

_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|(?P<open>\Z))", re.DOTALL)
_ADDRESS = re.compile(r"@[0-9a-fA-F]+")
_WORD = re.compile(r"[0-9a-fA-FxXzZ]+")
_UNKNOWN = 16
_NIBBLE = np.full(256, _UNKNOWN, dtype=np.uint8)
"""By character: the value of a hex digit; x and z are unknown."""
_NIBBLE[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16)
_NIBBLE[np.frombuffer(b"ABCDEF", dtype=np.uint8)] = np.arange(10, 16)
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


@dataclass(frozen=True)
class Words:
    """What a file says about each of the words that were expected of it."""

    patterns: Patterns
    """[words]; 0 where unknown."""
    known: NDArray[np.bool_]
    """[words]; False for a word with x or z digits, one too wide for its width, and a missing one."""
    spelling: str
    """How the first unknown word stands in the file, or "missing"; empty when all are known."""
    complaint: str
    """Text about a wrong number of words; empty when it is right."""


def digits_of(bits: int) -> int:
    """Hex digits of a word."""
    return -(-bits // 4)


def to_patterns(codes: NDArray[np.integer], *, bits: int, signed: bool, name: str) -> Patterns:
    """Codes of any shape as bit patterns [words], row-major.

    Raises OutOfDomain, with `name` and the coordinate, for a code that `bits` bits do not hold.
    """
    low, high = code_range(bits, signed)
    outside = np.argwhere((codes < low) | (codes > high))
    if outside.size:
        index = tuple(int(i) for i in outside[0])
        raise OutOfDomain(
            "a code does not fit its width",
            where=f"{name}{list(index)}",
            got=int(codes[index]),
            expected=f"{low}..{high} ({'s' if signed else 'u'}{bits})",
        )
    wide = codes.reshape(-1).astype(np.int64 if signed else np.uint64).view(np.uint64)
    return wide & np.uint64((1 << bits) - 1)


def from_patterns(patterns: Patterns, *, bits: int, signed: bool) -> NDArray[np.integer]:
    """Bit patterns as codes, in the narrowest NumPy integer."""
    codes = _sign_extended(patterns, bits) if signed else patterns
    return codes.astype(storage_dtype(bits, signed))


def to_mem(codes: NDArray[np.integer], bits: int, *, signed: bool, name: str) -> str:
    """Codes of any shape as $readmemh text.

    A comment header, then one word a line in row-major order at ceil(bits/4) lower-case digits, two's
    complement when signed. bits 1..64. Raises OutOfDomain as `to_patterns` does.
    """
    patterns, digits = to_patterns(codes, bits=bits, signed=signed, name=name), digits_of(bits)
    kind = "two's complement" if signed else "unsigned"
    header = f"// {name}\n// shape {list(codes.shape)}, row-major, one word a line\n// {bits} bits, {kind}\n"
    lines = np.full((patterns.size, digits + 1), ord("\n"), dtype=np.uint8)
    for column in range(digits):
        nibbles = (patterns >> np.uint64(4 * (digits - 1 - column))) & np.uint64(15)
        lines[:, column] = _HEX[nibbles.astype(np.intp)]
    return header + lines.tobytes().decode("ascii")


def from_mem(text: str, bits: int, *, words: int, where: str) -> Words:
    """Read the `words` words of a memory from what $writememh and people write.

    Taken: `//` and `/* */` comments, `@` addresses (hex, in words), underscores, x and z digits, either
    case. A later word at an address replaces an earlier one.

    Raises BadInput, with `where`, for anything that is no hex word.
    """
    tokens, addresses, address = [], [], 0
    for token in _COMMENT.sub(_blank, text).replace("_", "").split():
        if token.startswith("@"):
            address = min(_address(token, where), words)
        else:
            tokens.append(token)
            addresses.append(address)
            address = min(address + 1, words)  # `words` stands for every address past the end
    values, certain = _hex_words(tokens, bits, where)
    place = np.asarray(addresses, dtype=np.int64)
    inside = place < words
    patterns, known = np.zeros(words, dtype=np.uint64), np.zeros(words, dtype=np.bool_)
    # NumPy does not promise which of two equal indices wins; the last of each is asked for explicitly.
    reached, last = np.unique(place[inside][::-1], return_index=True)
    latest = np.flatnonzero(inside)[::-1][last]
    patterns[reached], known[reached] = values[latest], certain[latest]
    spelling = ""
    if not known.all():
        writers = np.flatnonzero(place == int(known.argmin()))
        spelling = tokens[int(writers[-1])] if writers.size else "missing"
    return Words(patterns, known, spelling, _count_complaint(len(tokens), words, int((~inside).sum())))


def to_bin(codes: NDArray[np.integer], bits: int, *, signed: bool, name: str) -> bytes:
    """Codes of any shape as raw words of ceil(bits/8) bytes, little endian, row-major.

    The spare bits repeat the sign of a signed code and are 0 for an unsigned one.
    """
    patterns = to_patterns(codes, bits=bits, signed=signed, name=name)
    full = _sign_extended(patterns, bits) if signed else patterns
    return full.astype("<i8" if signed else "<u8").view(np.uint8).reshape(-1, 8)[:, : -(-bits // 8)].tobytes()


def from_bin(data: bytes, bits: int, *, signed: bool, words: int) -> Words:
    """Read raw words of ceil(bits/8) bytes; one whose spare bits are wrong is unknown."""
    size = -(-bits // 8)
    count, rest = divmod(len(data), size)
    padded = np.zeros((count, 8), dtype=np.uint8)
    padded[:, :size] = np.frombuffer(data, dtype=np.uint8, count=count * size).reshape(count, size)
    raw = padded.reshape(-1).view("<u8").astype(np.uint64)
    found = from_values(_sign_extended(raw, 8 * size) if signed else raw, bits, signed=signed, words=words)
    if not rest:
        return found
    return Words(
        found.patterns,
        found.known,
        found.spelling,
        f"holds {count} words of {size} bytes and {rest} bytes more, expected {words} words",
    )


def from_values(values: NDArray[np.integer], bits: int, *, signed: bool, words: int) -> Words:
    """Words from plain integers of any integer dtype [count]; one outside the code range is unknown."""
    low, high = code_range(bits, signed)
    held = values[:words]
    fits = (held >= low) & (held <= high)
    patterns, known = np.zeros(words, dtype=np.uint64), np.zeros(words, dtype=np.bool_)
    known[: held.size] = fits
    wide = held.astype(np.int64).view(np.uint64) if signed else held.astype(np.uint64)
    patterns[: held.size] = np.where(fits, wide & np.uint64((1 << bits) - 1), np.uint64(0))
    spelling = ""
    if not known.all():
        first = int(known.argmin())
        spelling = f"{int(held[first]):#x}" if first < held.size else "missing"
    return Words(patterns, known, spelling, _count_complaint(values.size, words, max(values.size - words, 0)))


def _sign_extended(patterns: Patterns, bits: int) -> NDArray[np.int64]:
    spare = 64 - bits
    return (patterns << np.uint64(spare)).view(np.int64) >> np.int64(spare)


def _blank(comment: re.Match[str]) -> str:
    return " " if comment["open"] is None else " /* "  # a comment without an end is no comment


def _address(token: str, where: str) -> int:
    if not _ADDRESS.fullmatch(token):
        raise BadInput("not a memory address", where=where, got=repr(token[:40]), expected="@ and a hex number")
    return int(token[1:], 16)


def _hex_words(tokens: list[str], bits: int, where: str) -> tuple[Patterns, NDArray[np.bool_]]:
    """Patterns of hex tokens, and which of them are numbers of `bits` bits."""
    digits = digits_of(bits)
    for token in tokens:
        if not _WORD.fullmatch(token):
            raise BadInput(
                "not a word of a memory file",
                where=where,
                got=repr(token[:40]),
                expected="hex digits, x or z",
                next_step="dump with $writememh, or name a file of raw bytes .bin",
            )
    # One column more than fits marks a word that is too wide; leading zeros are no width.
    columns = digits + 1
    fitted = [(word if len(word) <= digits else word.lstrip("0")[:columns]).zfill(columns) for word in tokens]
    nibbles = _NIBBLE[np.frombuffer("".join(fitted).encode("ascii"), dtype=np.uint8).reshape(-1, columns)]
    patterns = np.zeros(len(tokens), dtype=np.uint64)
    for column in range(1, columns):
        patterns = (patterns << np.uint64(4)) | (nibbles[:, column] & 15).astype(np.uint64)
    known = (nibbles != _UNKNOWN).all(axis=1) & (nibbles[:, 0] == 0) & (patterns <= np.uint64((1 << bits) - 1))
    return np.where(known, patterns, np.uint64(0)), known


def _count_complaint(count: int, words: int, outside: int) -> str:
    if count != words:
        return f"holds {count} words, expected {words}"
    return f"{outside} of its words lie past the last address, {words - 1:#x}" if outside else ""
