"""What a bench has to know of one set of a vector package: which files hold which words.

Filled from a package's manifest by whoever writes the package; nothing here reads a file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from bittrue.spec.errors import BadInput, Unsupported

IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
"""Arrays, modules and parameters become identifiers of SystemVerilog."""
FILE_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
"""Sets and their folders become words of a report and names of folders."""
FILE_PATH = rf"{FILE_NAME}(/{FILE_NAME})*"
"""Paths of files stand in string literals."""
WIDEST = 64


@dataclass(frozen=True)
class Word:
    """Bits and signedness of a word; signed words are two's complement."""

    bits: int
    signed: bool


@dataclass(frozen=True)
class BenchArray:
    """One array of a set and its .mem file: one word a line, row-major."""

    name: str
    word: Word
    shape: tuple[int, ...]
    """Axis 0 counts the vectors, but for constants."""
    mem: str
    """Path of the .mem file, relative to the package; empty for a single word that stands in no file."""
    fixed: int = 0
    """That word."""

    @property
    def words(self) -> int:
        """Lines of the .mem file."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class BenchSet:
    """One set of vectors of one unit. Raises BadInput or Unsupported for what no bench can play."""

    unit: str
    """As in `bittrue unit`: "requantize", "softmax", ..."""
    name: str
    """"requantize.corners": `layer=` of a mismatch."""
    folder: str
    """"000_requantize.corners": where what the design made is dumped."""
    driven: tuple[BenchArray, ...]
    stages: tuple[BenchArray, ...]
    """In the order in which they arise, "output" last."""
    constants: tuple[BenchArray, ...] = field(default=())
    """In the order of `cfg_sel`."""

    def __post_init__(self) -> None:
        """Refuse names that no tool takes and arrays that do not count the same vectors."""
        for name in (self.name, self.folder):
            check_name(FILE_NAME, name, where=f"set {self.name}")
        arrays = (*self.driven, *self.stages, *self.constants)
        read, made = ([array.name for array in group] for group in ((*self.driven, *self.constants), self.stages))
        twice = len(set(read)) < len(read) or len(set(made)) < len(made)
        if twice or not self.driven or not made or made[-1] != "output":
            raise BadInput(
                "a bench needs driven arrays, and stages that end in the output; nothing is read or made twice",
                where=f"set {self.name}",
                got=", ".join(array.name for array in arrays),
            )
        for array in arrays:
            check_name(IDENTIFIER, array.name, where=f"set {self.name}")
            check_name(FILE_PATH, array.mem, where=f"set {self.name}, array {array.name}")
            if not array.words or not 1 <= array.word.bits <= WIDEST:
                raise Unsupported(
                    "a bench plays words of 1 to 64 bits, at least one",
                    where=f"set {self.name}, array {array.name}",
                    got=f"shape {list(array.shape)}, {array.word.bits} bits",
                )
        counts = {array.name: (*array.shape, 0)[0] for array in (*self.driven, *self.stages)}
        if len(set(counts.values())) > 1:
            raise BadInput("arrays count their vectors differently", where=f"set {self.name}", got=counts)

    @property
    def vectors(self) -> int:
        """Entries of axis 0."""
        return self.driven[0].shape[0]


def check_name(pattern: str, name: str, *, where: str) -> None:
    """Refuse a name that does not match, before it stands in a file name or in Verilog."""
    if not re.fullmatch(pattern, name):
        raise BadInput("not a name that a bench can use", where=where, got=repr(name), expected=pattern)


def of_name(arrays: Iterable[BenchArray], name: str) -> BenchArray | None:
    """The array of that name, if there is one."""
    return next((array for array in arrays if array.name == name), None)
