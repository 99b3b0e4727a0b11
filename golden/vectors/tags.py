"""tags.csv of a unit set: which coverage bins each vector reaches, written and read back without trust."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.errors import BadInput

HEADER = "vector,bin"
_LINE = re.compile(r"(0|[1-9][0-9]{0,17}),([^,\n\"\r]+)")
Hits = Mapping[str, NDArray[np.bool_]]


def tags_text(hits: Hits) -> str:
    """One line a vector and bin, in order of vector and then of the bins' declaration. Raises BadInput for a bin
    whose name is no CSV field."""
    names = list(hits)
    for name in names:
        if not re.fullmatch(r"[^,\n\"\r]+", name):
            raise BadInput("the name of a coverage bin cannot stand in a CSV file", got=repr(name))
    if not names:
        return HEADER + "\n"
    vectors, bins = np.nonzero(np.stack([np.asarray(hits[name], np.bool_) for name in names], axis=1))
    return (
        "\n".join([HEADER, *(f"{v},{names[b]}" for v, b in zip(vectors.tolist(), bins.tolist(), strict=True))]) + "\n"
    )


def reached(hits: Hits) -> dict[str, int]:
    """By bin: how many vectors reach it."""
    return {name: int(np.count_nonzero(mask)) for name, mask in hits.items()}


def read_tags(text: str, vectors: int, where: str) -> dict[str, NDArray[np.bool_]]:
    """By bin that a line names: [vectors], whether the vector reaches it.

    Raises BadInput for another header, a line that is none, a vector that does not exist and a line said twice.
    """
    head, *lines = text.split("\n")
    if head != HEADER or not lines or lines[-1]:
        raise BadInput(
            "not a file of tags", where=where, got=repr(head[:40]), expected=repr(HEADER) + " and a line end"
        )
    found: dict[str, NDArray[np.bool_]] = {}
    for number, line in enumerate(lines[:-1], 2):
        match = _LINE.fullmatch(line)
        if match is None or int(match[1]) >= vectors:
            raise BadInput(
                "not a tag of a vector of this set",
                where=f"{where}: line {number}",
                got=repr(line[:60]),
                expected=f"0..{vectors - 1}, a comma and a bin",
            )
        mask = found.setdefault(match[2], np.zeros(vectors, np.bool_))
        if mask[int(match[1])]:
            raise BadInput("a tag stands twice", where=f"{where}: line {number}", got=repr(line[:60]))
        mask[int(match[1])] = True
    return found
