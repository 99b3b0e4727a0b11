"""Derived files read back: the words of .hex, .bin, .coe, .mif and C headers, and the lines of a map.

For check.py, where a file is not byte for byte what derived.py writes: another writer may say the same words otherwise.
"""

from __future__ import annotations

import re

import numpy as np

from bittrue.golden.vectors.derived import bin_bytes
from bittrue.golden.vectors.hexadecimal import bytes_of
from bittrue.golden.vectors.layout import FILL, elements_of
from bittrue.golden.vectors.memory import read_memory
from bittrue.golden.vectors.packing import Packing, Patterns, WordBytes, pack
from bittrue.golden.vectors.stream import to_words
from bittrue.golden.vectors.values import Format, Value
from bittrue.spec.errors import BadInput

_NUMBER = re.compile(
    r"\(\s*-\s*(?P<least>[0-9]+)LL\s*-\s*1\s*\)|(?P<number>-?\s*(?:0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20}))(?:ULL|LL)?"
)
_MIF_LINE = re.compile(r"\s*([0-9A-Fa-f]{1,16})\s*:\s*([0-9A-Fa-f]{1,1024})\s*;\s*")


def differing_word(form: Format, data: bytes, patterns: Patterns, value: Value, *, where: str) -> str:
    """What the file says otherwise than the array, in words; empty where it holds the same. Raises BadInput for a
    file that is not of its format."""
    text = data.decode("utf-8", errors="replace")
    if form == "map":
        return _differing_line(text, value)
    expected = to_words(patterns, value.shape, value.bits, value.signed, value.words)
    words = words_of_file(form, data, value, count=len(expected), where=where)
    if len(words) != len(expected):
        return f"holds {len(words)} words, expected {len(expected)}"
    other = (words != expected).any(axis=1)
    return f"{int(other.sum())} other words, the first at word {int(other.argmax())}" if other.any() else ""


def words_of_file(form: Format, data: bytes, value: Value, *, count: int, where: str) -> WordBytes:
    """The words of a derived file, lowest byte first: uint8 [words, word_bytes]."""
    packing, text = value.words.packing, data.decode("utf-8", errors="replace")
    if form == "bin":
        return _bin(data, value, packing, where)
    if form == "hex":
        raw = read_memory(text, packing.word_bits, words=count, where=where)
        if raw.complaint or raw.spelling:
            raise _no(form, where, raw.complaint or raw.spelling)
        return raw.values
    if form == "coe":
        return _numbers_to_words(_coe(text, where), packing, form, where)
    if form == "mif":
        return _numbers_to_words(_mif(text, packing, where), packing, form, where)
    return _header(text, value, packing, where)


def _bin(data: bytes, value: Value, packing: Packing, where: str) -> WordBytes:
    if len(data) % packing.word_bytes:
        raise _no("bin", where, f"{len(data)} bytes, no whole words of {packing.word_bytes}")
    found = np.frombuffer(data, np.uint8).reshape(-1, packing.word_bytes)
    words = np.array(found[:, ::-1] if packing.byte_order == "big" else found)
    if packing.word_bits % 8:
        words[:, -1] &= np.uint8((1 << packing.word_bits % 8) - 1)
    if bin_bytes(words, packing, signed=value.signed).tobytes() != data:
        raise _no("bin", where, "spare bits that are neither 0 nor, of a signed code, its sign")
    return words


def _coe(text: str, where: str) -> list[int]:
    body = re.sub(r"(?m)^;.*$", "", text)
    match = re.fullmatch(
        r"\s*memory_initialization_radix\s*=\s*16\s*;\s*memory_initialization_vector\s*=([0-9a-fA-F,\s]*);\s*", body
    )
    if match is None:
        raise _no("coe", where, repr(body[:40]))
    return [_hexadecimal(word, "coe", where) for word in match[1].split(",")]


def _mif(text: str, packing: Packing, where: str) -> list[int]:
    head, begin, body = re.sub(r"(?m)--.*$", "", text).partition("CONTENT BEGIN")
    settings = dict(re.findall(r"([A-Z_]+)\s*=\s*([A-Z0-9]+)\s*;", head))
    wanted = {"WIDTH": str(packing.word_bits), "ADDRESS_RADIX": "HEX", "DATA_RADIX": "HEX"}
    lines = body.strip().split("\n")
    if not begin or lines[-1].strip() != "END;" or any(settings.get(key) != text for key, text in wanted.items()):
        raise _no("mif", where, repr(text[:40]))
    found = []
    for number, line in enumerate(lines[:-1]):
        match = _MIF_LINE.fullmatch(line)
        if match is None or int(match[1], 16) != number:
            raise _no("mif", where, f"{line[:40]!r} in place of address {number:x}")
        found.append(int(match[2], 16))
    if settings.get("DEPTH") != str(len(found)):
        raise _no("mif", where, f"DEPTH={settings.get('DEPTH')} and {len(found)} words")
    return found


def _header(text: str, value: Value, packing: Packing, where: str) -> WordBytes:
    code = re.sub(r"(?s)/\*.*?\*/", "", text)
    match = re.fullmatch(
        r"\s*#include <stdint\.h>\s*#define [A-Z0-9_]+ [0-9]+\s*static const u?int(?:8|16|32|64)_t"
        r" [A-Za-z0-9_]+(?:\[[0-9]+\])+ = \{(.*)\};\s*",
        code,
        re.DOTALL,
    )
    if match is None or re.sub(_NUMBER, "", match[1]).strip("{}, \n"):
        raise _no("h", where, repr(code[:60]))
    numbers = [
        -int(found["least"]) - 1 if found["least"] else int(found["number"].replace(" ", ""), 0)
        for found in _NUMBER.finditer(match[1])
    ]
    if packing.lanes > 1:
        if any(not 0 <= number < 256 for number in numbers):
            raise _no("h", where, "a number that is no byte")
        return _bin(bytes(numbers), value, packing, where)
    low, high = (-(1 << (value.bits - 1)), 1 << (value.bits - 1)) if value.signed else (0, 1 << value.bits)
    if any(not low <= number < high for number in numbers):
        raise _no("h", where, f"a number outside {low}..{high - 1}")
    patterns = np.array([number & ((1 << value.bits) - 1) for number in numbers], np.uint64)
    return pack(patterns, value.bits, value.signed, packing)


def _differing_line(text: str, value: Value) -> str:
    """A map of other positions than the layout's; its lines are compared as numbers."""
    head, *lines = text.split("\n")
    elements, lanes, axes = elements_of(value.words.layout, value.shape), value.words.packing.lanes, len(value.shape)
    if head.split(",") != ["word", "lane", "element", *(f"axis_{axis}" for axis in range(axes))]:
        return f"another header, {head[:40]!r}"
    if lines[-1] or len(lines) - 1 != elements.size:
        return f"{len(lines) - 1} lines for {elements.size} positions"
    for position, line in enumerate(lines[:-1]):
        element = int(elements[position])
        place = [] if element == FILL else [element, *(int(i) for i in np.unravel_index(element, value.shape))]
        wanted = [str(part) for part in (*divmod(position, lanes), *place)] + [""] * (0 if place else 1 + axes)
        if line.split(",") != wanted:
            return f"another place at line {position + 2}: {line[:40]!r}"
    return ""


def _numbers_to_words(numbers: list[int], packing: Packing, form: Format, where: str) -> WordBytes:
    if any(number >> packing.word_bits for number in numbers):
        raise _no(form, where, f"a word of more than {packing.word_bits} bits")
    if packing.word_bits <= 64:
        return np.ascontiguousarray(bytes_of(np.array(numbers, np.uint64), packing.word_bytes))
    whole = b"".join(number.to_bytes(packing.word_bytes, "little") for number in numbers)
    return np.frombuffer(whole, np.uint8).reshape(-1, packing.word_bytes)


def _hexadecimal(word: str, form: Format, where: str) -> int:
    if not re.fullmatch(r"[0-9a-fA-F]{1,1024}", word.strip()):
        raise _no(form, where, repr(word[:40]))
    return int(word, 16)


def _no(form: str, where: str, got: str) -> BadInput:
    return BadInput(
        f"not a .{form} file of this value", where=where, got=got, next_step="get the package anew, or write it again"
    )
