"""Derived files: the words of a value's stream as .hex, .bin, .coe, .mif, C header or a map of its order.

For memory compilers, FPGA tools and firmware; docs/vectors.md shows each. derived_read.py is the inverse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.vectors.hexadecimal import CHUNK, bytes_of, lines
from bittrue.golden.vectors.layout import FILL, elements_of
from bittrue.golden.vectors.memory import from_patterns
from bittrue.golden.vectors.npy import storage_dtype
from bittrue.golden.vectors.packing import Packing, Patterns, WordBytes
from bittrue.golden.vectors.stream import to_words
from bittrue.golden.vectors.values import Format, Value

Part = bytes | memoryview
A_LINE = 16
"""Numbers in a line of a C header."""


def derived_parts(form: Format, patterns: Patterns, value: Value, title: str) -> Iterator[Part]:
    """The bytes of a derived file, part by part. patterns: of the array, [elements], row-major."""
    if form == "map":
        return _map(value)
    words = to_words(patterns, value.shape, value.bits, value.signed, value.words)
    packing = value.words.packing
    if form == "bin":
        return iter([bin_bytes(words, packing, signed=value.signed).reshape(-1).data])
    head = described(value, title)
    if form == "hex":
        return _text(words, packing, "".join(f"// {line}\n" for line in head))
    if form == "coe":
        return _coe(words, packing, "".join(f"; {line}\n" for line in head))
    if form == "mif":
        return _mif(words, packing, "".join(f"-- {line}\n" for line in head))
    return _header(patterns, words, value, title, head)


def described(value: Value, title: str) -> list[str]:
    """What stands in front of the words of a text format."""
    packing, kind = value.words.packing, "two's complement" if value.signed else "unsigned"
    lanes = "one code a word" if packing.lanes == 1 else f"{packing.lanes} codes a word, the first {packing.first_lane}"
    return [
        title,
        f"shape {list(value.shape)}, {value.words.layout.name}, {lanes}",
        f"{value.bits} bits, {kind}, in lanes of {packing.lane_bits}, words of {packing.word_bits}",
    ]


def bin_bytes(words: WordBytes, packing: Packing, *, signed: bool) -> WordBytes:
    """Words in the byte order of .bin. The spare bits of a word that is one signed code repeat its sign."""
    found, spare = words, -packing.word_bits % 8
    if signed and spare and packing.lanes == 1 and packing.lane_bits == packing.word_bits:
        found = words.copy()
        negative = found[:, -1] >> (7 - spare) != 0
        found[negative, -1] |= np.uint8(0xFF << (8 - spare) & 0xFF)
    return np.ascontiguousarray(found[:, ::-1] if packing.byte_order == "big" else found)


def c_name(title: str) -> str:
    """An identifier of C."""
    return "bt_" + re.sub(r"[^A-Za-z0-9]+", "_", title)


def _text(words: WordBytes, packing: Packing, head: str) -> Iterator[Part]:
    yield head.encode()
    for at in range(0, len(words), CHUNK):
        yield lines(words[at : at + CHUNK], packing.digits).reshape(-1).data


def _coe(words: WordBytes, packing: Packing, head: str) -> Iterator[Part]:
    yield head.encode() + b"memory_initialization_radix=16;\nmemory_initialization_vector=\n"
    for at in range(0, len(words), CHUNK):
        text = lines(words[at : at + CHUNK], packing.digits, behind=b",\n")
        if at + CHUNK >= len(words):
            text[-1, -2] = ord(";")
        yield text.reshape(-1).data


def _mif(words: WordBytes, packing: Packing, head: str) -> Iterator[Part]:
    depth = len(words)
    digits = len(f"{max(depth - 1, 0):x}")
    yield (
        f"{head}WIDTH={packing.word_bits};\nDEPTH={depth};\nADDRESS_RADIX=HEX;\nDATA_RADIX=HEX;\nCONTENT BEGIN\n"
    ).encode()
    for at in range(0, depth, CHUNK):
        some = words[at : at + CHUNK]
        addresses = lines(bytes_of(np.arange(at, at + len(some), dtype=np.uint64), 8), digits, behind=b" : ")
        yield np.concatenate([addresses, lines(some, packing.digits, behind=b";\n")], axis=1).reshape(-1).data
    yield b"END;\n"


def _header(patterns: Patterns, words: WordBytes, value: Value, title: str, head: list[str]) -> Iterator[Part]:
    name, packing = c_name(title), value.words.packing
    # A comment of C could be ended by a name; names have no such signs, a program's tensors may.
    note = "".join(f" * {line.replace('*/', '* /')}\n" for line in head)
    yield f"/*\n{note} */\n#include <stdint.h>\n\n#define {name.upper()}_WORDS {len(words)}\n".encode()
    if packing.lanes == 1:
        dtype = storage_dtype(value.bits, value.signed)
        elements = elements_of(value.words.layout, value.shape)
        codes = from_patterns(patterns, bits=value.bits, signed=value.signed)
        stream = np.where(elements == FILL, codes.dtype.type(0), codes[np.maximum(elements, 0)])
        kind = f"{'' if value.signed else 'u'}int{8 * dtype.itemsize}_t"
        yield f"static const {kind} {name}[{len(words)}] = {{\n".encode()
        for at in range(0, len(stream), A_LINE * 4096):
            yield _numbers(stream[at : at + A_LINE * 4096]).encode()
        yield b"};\n"
        return
    size = packing.word_bytes
    yield f"static const uint8_t {name}[{len(words)}][{size}] = {{\n".encode()
    flat = bin_bytes(words, packing, signed=value.signed).reshape(-1, 1)
    for at in range(0, len(flat), size * 4096):
        text = lines(flat[at : at + size * 4096], 2, before=b"0x", behind=b",").reshape(-1, 5 * size)
        braced = np.full((len(text), 5 * size + 4), ord("\n"), np.uint8)
        braced[:, 0], braced[:, 1:-3] = ord("{"), text
        braced[:, -3], braced[:, -2] = ord("}"), ord(",")
        yield braced.reshape(-1).data
    yield b"};\n"


def _numbers(codes: NDArray[np.integer]) -> str:
    suffix = "" if codes.itemsize < 8 else "LL" if codes.dtype.kind == "i" else "ULL"
    least = f"(-{(1 << 63) - 1}LL-1)"  # C has no literal of the least 64-bit number
    texts = [least if code == -(1 << 63) else f"{code}{suffix}" for code in codes.tolist()]
    return "".join(",".join(texts[at : at + A_LINE]) + ",\n" for at in range(0, len(texts), A_LINE))


def _map(value: Value) -> Iterator[Part]:
    """Every lane of every beat: word, lane, row-major element, coordinate; an empty element is filling."""
    axes = ",".join(f"axis_{axis}" for axis in range(len(value.shape)))
    yield f"word,lane,element{',' if axes else ''}{axes}\n".encode()
    elements, lanes = elements_of(value.words.layout, value.shape), value.words.packing.lanes
    for at in range(0, elements.size, CHUNK):
        some = elements[at : at + CHUNK]
        word, lane = np.divmod(np.arange(at, at + some.size), lanes)
        index = np.unravel_index(np.maximum(some, 0), value.shape) if value.shape else ()
        columns = [column.tolist() for column in (word, lane, some, *index)]
        rows = zip(*columns, strict=True)
        blank = "," * len(value.shape)
        yield "".join(
            f"{w},{ln},{blank}\n" if e == FILL else ",".join(map(str, (w, ln, e, *rest))) + "\n"
            for w, ln, e, *rest in rows
        ).encode()
