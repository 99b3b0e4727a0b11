"""benches.json and the .mem files that it names, as objects. For the scoreboard and the streams beside this file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INDEX_VERSION = 1
_WORD = re.compile(r"[0-9a-fA-F]+")


@dataclass(frozen=True)
class Word:
    """Bits and signedness; signed words are two's complement."""

    bits: int
    signed: bool

    def value(self, pattern: int) -> int:
        """The number that a pattern of these bits stands for."""
        return pattern - (1 << self.bits) if self.signed and pattern >> (self.bits - 1) else pattern

    def pattern(self, value: int) -> int:
        """The low bits of a number."""
        return value & ((1 << self.bits) - 1)

    def holds(self, value: int) -> bool:
        """Whether the number survives these bits."""
        return self.value(self.pattern(value)) == value


@dataclass(frozen=True)
class Signal:
    """One array at the design, and its words there."""

    name: str
    port: str
    word: Word


@dataclass(frozen=True)
class Memory:
    """One array of a set: word row * row_step + column * column_step belongs to an element."""

    signal: Signal
    word: Word
    """In the package."""
    values: tuple[int, ...]
    row_step: int
    column_step: int
    shown: bool
    """Whether a mismatch shows the element's word."""
    writes: int
    """Of a constant: how many words are written to the design, at addresses from 0 on without a gap."""
    group: int
    stride: int
    """Of `stride` words written one after the other, the first `group` are the array's, over and over; then zeros."""

    def written(self, address: int) -> int:
        """What is written to an address."""
        column = address % self.stride
        return self.values[(address // self.stride * self.group + column) % len(self.values)] * (column < self.group)

    def index(self, row: int, column: int) -> int:
        """Which word belongs to an element."""
        return row * self.row_step + column * self.column_step

    def at(self, row: int, column: int) -> int:
        """The word's value."""
        return self.values[self.index(row, column)]


@dataclass(frozen=True)
class Set:
    """One set of vectors, read."""

    name: str
    folder: str
    rows: int
    columns_in: int
    columns_out: int
    streams: tuple[Memory, ...]
    stages: tuple[Memory, ...]
    constants: tuple[Memory, ...]


@dataclass(frozen=True)
class Bench:
    """One design, and the sets that are played against it."""

    name: str
    form: str
    """"elements", "rows" or "mac"."""
    module: str
    parameters: dict[str, int]
    lanes: int
    columns: int
    streams: tuple[Signal, ...]
    stages: tuple[Signal, ...]
    constants: tuple[Signal, ...]
    sets: tuple[dict[str, Any], ...]

    @property
    def set_names(self) -> tuple[str, ...]:
        """In the order of the package."""
        return tuple(entry["name"] for entry in self.sets)

    @property
    def set_folders(self) -> tuple[str, ...]:
        """Folders of what the design made, in the same order."""
        return tuple(entry["folder"] for entry in self.sets)

    def load(self, name: str, package: Path) -> Set:
        """Read the words of one set."""
        entry = next(entry for entry in self.sets if entry["name"] == name)
        signals = (*self.streams, *self.stages, *self.constants)
        memories = [_memory(signal, one, package) for signal, one in zip(signals, entry["memories"], strict=True)]
        first, last = len(self.streams), len(self.streams) + len(self.stages)
        return Set(
            entry["name"],
            entry["folder"],
            entry["rows"],
            entry["columns_in"],
            entry["columns_out"],
            tuple(memories[:first]),
            tuple(memories[first:last]),
            tuple(memories[last:]),
        )


def read_benches(path: Path) -> tuple[Bench, ...]:
    """Every bench of a benches.json."""
    index = json.loads(path.read_text(encoding="utf-8"))
    if index["index_version"] != INDEX_VERSION:
        raise ValueError(f"{path} has index_version {index['index_version']}, these programs read {INDEX_VERSION}")
    return tuple(
        Bench(
            entry["name"],
            entry["form"],
            entry["module"],
            dict(entry["parameters"]),
            entry["lanes"],
            entry["columns"],
            _signals(entry["streams"]),
            _signals(entry["stages"]),
            _signals(entry["constants"]),
            tuple(entry["sets"]),
        )
        for entry in index["benches"]
    )


def package_of(path: Path) -> str:
    """Where the package lies, as seen from the folder of its benches.json."""
    return str(json.loads(path.read_text(encoding="utf-8"))["package"])


def _signals(entries: list[dict[str, Any]]) -> tuple[Signal, ...]:
    return tuple(Signal(entry["name"], entry["port"], Word(**entry["word"])) for entry in entries)


def _memory(signal: Signal, entry: dict[str, Any], package: Path) -> Memory:
    word = Word(**entry["word"])
    values = _values(package / entry["mem"], word, entry["words"]) if entry["mem"] else (entry["fixed"],)
    numbers = [entry[key] for key in ("row_step", "column_step", "shown", "writes", "group", "stride")]
    return Memory(signal, word, values, *numbers)


def _values(path: Path, word: Word, words: int) -> tuple[int, ...]:
    lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line and not line.startswith("//")]
    if len(lines) != words or not all(map(_WORD.fullmatch, lines)):
        raise ValueError(f"{path} does not hold {words} hex words, one a line")
    return tuple(word.value(int(line, 16)) for line in lines)
