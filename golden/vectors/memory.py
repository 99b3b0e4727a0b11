"""Codes as memory images: $readmemh text and raw little-endian bytes, written and read back.

For whoever loads vectors into a simulator's memory and dumps its memories for comparison. Inside, a
word is a bit pattern: uint64, the low `bits` bits. Text format: IEEE 1800-2017, 21.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.vectors.hexadecimal import CHUNK, bytes_of, lines
from bittrue.golden.vectors.npy import storage_dtype
from bittrue.golden.vectors.packing import Patterns
from bittrue.spec.arithmetic import code_range
from bittrue.spec.errors import BadInput, OutOfDomain

_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|(?P<open>\Z))", re.DOTALL)
_ADDRESS = re.compile(r"@[0-9a-fA-F]+")
_WORD = re.compile(r"[0-9a-fA-FxXzZ]+")
_UNKNOWN = 16
_NIBBLE = np.full(256, _UNKNOWN, dtype=np.uint8)
"""By character: the value of a hex digit; x and z are unknown."""
_NIBBLE[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16)
_NIBBLE[np.frombuffer(b"ABCDEF", dtype=np.uint8)] = np.arange(10, 16)


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
    if codes.size and (int(codes.min()) < low or int(codes.max()) > high):
        index = tuple(int(i) for i in np.argwhere((codes < low) | (codes > high))[0])
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
    patterns = to_patterns(codes, bits=bits, signed=signed, name=name)
    parts = mem_parts(patterns, codes.shape, bits, signed=signed, name=name)
    return b"".join(parts).decode("ascii")


def mem_parts(
    patterns: Patterns, shape: tuple[int, ...], bits: int, *, signed: bool, name: str
) -> Iterator[bytes | memoryview]:
    """The text of `to_mem` in parts, so that no more than one needs to be held. patterns: [words], row-major."""
    kind = "two's complement" if signed else "unsigned"
    yield f"// {name}\n// shape {list(shape)}, row-major, one word a line\n// {bits} bits, {kind}\n".encode()
    for at in range(0, patterns.size, CHUNK):
        yield lines(bytes_of(patterns[at : at + CHUNK], 8), digits_of(bits)).reshape(-1).data


def from_mem(text: str, bits: int, *, words: int, where: str) -> Words:
    """Read the `words` words of a memory, of up to 64 bits, from what $writememh and people write.

    Taken: `//` and `/* */` comments, `@` addresses (hex, in words), underscores, x and z digits, either
    case. A later word at an address replaces an earlier one.

    Raises BadInput, with `where`, for anything that is no hex word.
    """
    raw = read_memory(text, bits, words=words, where=where)
    padded = np.zeros((words, 8), np.uint8)
    padded[:, : raw.values.shape[1]] = raw.values
    patterns = padded.reshape(-1).view("<u8").astype(np.uint64)
    known = raw.written & ~raw.unknown.any(axis=1)
    return Words(np.where(known, patterns, np.uint64(0)), known, raw.spelling, raw.complaint)


@dataclass(frozen=True)
class RawWords:
    """What a memory file says of words of any width."""

    values: NDArray[np.uint8]
    """[words, word_bytes], the lowest byte first; 0 where unknown."""
    unknown: NDArray[np.uint8]
    """The same shape: 1 bits where x or z digits stand. All of a word that is too wide."""
    written: NDArray[np.bool_]
    """[words]; False for a missing one."""
    spelling: str
    """How the first word that is not known stands in the file, or "missing"; empty when all are known."""
    complaint: str
    """Text about a wrong number of words; empty when it is right."""


def read_memory(text: str, bits: int, *, words: int, where: str) -> RawWords:
    """As from_mem, for words of any width."""
    tokens, addresses, address = [], [], 0
    for token in _COMMENT.sub(_blank, text).replace("_", "").split():
        if token.startswith("@"):
            address = min(_address(token, where), words)
        else:
            tokens.append(token)
            addresses.append(address)
            address = min(address + 1, words)  # `words` stands for every address past the end
    values, unknown = _hex_words(tokens, bits, where)
    place = np.asarray(addresses, dtype=np.int64)
    inside = place < words
    held, doubtful = np.zeros((2, words, values.shape[1]), dtype=np.uint8)
    written = np.zeros(words, dtype=np.bool_)
    # NumPy does not promise which of two equal indices wins; the last of each is asked for explicitly.
    reached, last = np.unique(place[inside][::-1], return_index=True)
    latest = np.flatnonzero(inside)[::-1][last]
    held[reached], doubtful[reached], written[reached] = values[latest], unknown[latest], True
    spelling = ""
    certain = written & ~doubtful.any(axis=1)
    if not certain.all():
        writers = np.flatnonzero(place == int(certain.argmin()))
        spelling = tokens[int(writers[-1])] if writers.size else "missing"
    return RawWords(held, doubtful, written, spelling, _count_complaint(len(tokens), words, int((~inside).sum())))


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


def _hex_words(tokens: list[str], bits: int, where: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Bytes of hex tokens, lowest first, and 1 bits where they are not known: uint8 [tokens, word_bytes] each."""
    digits = 2 * -(-bits // 8)
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
    doubtful = np.where(nibbles == _UNKNOWN, np.uint8(15), np.uint8(0))
    numbers = np.where(nibbles == _UNKNOWN, np.uint8(0), nibbles)
    values, unknown = (
        np.ascontiguousarray((part[:, 1::2] << 4 | part[:, 2::2])[:, ::-1]) for part in (numbers, doubtful)
    )
    spare = np.uint8(0xFF << bits % 8 & 0xFF) if bits % 8 else np.uint8(0)
    wide = (nibbles[:, 0] != 0) | (values[:, -1] & spare != 0)
    if digits > digits_of(bits):  # a whole digit past the width
        wide |= nibbles[:, 1] == _UNKNOWN
    unknown[:, -1] &= ~spare
    unknown[wide], values[wide] = 0xFF, 0
    return values, unknown


def _count_complaint(count: int, words: int, outside: int) -> str:
    if count != words:
        return f"holds {count} words, expected {words}"
    return f"{outside} of its words lie past the last address, {words - 1:#x}" if outside else ""
