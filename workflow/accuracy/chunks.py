"""Large arrays kept on disk in chunks, each made once: what was made stays, however the run ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.files import written_whole

CHUNK = 64
"""Rows of a chunk of images or logits."""

Scalar = TypeVar("Scalar", bound=np.generic)


class Chunks(Generic[Scalar]):
    """`count` rows of something, in a folder of .npy files of `size` rows; make: gives a slice of the rows."""

    def __init__(
        self, folder: Path, count: int, make: Callable[[slice], NDArray[Scalar]], *, size: int = CHUNK
    ) -> None:
        self.folder, self.count, self.make, self.size = folder, count, make, size

    def __getitem__(self, index: int) -> NDArray[Scalar]:
        """The rows of one chunk, from disk as a memory map where they are there."""
        rows = slice(index * self.size, min((index + 1) * self.size, self.count))
        path = self._path(index)
        if path.is_file():
            try:
                kept: NDArray[Scalar] = np.load(path, mmap_mode="r", allow_pickle=False)
                if len(kept) == rows.stop - rows.start:
                    return kept
            except (OSError, ValueError, EOFError):
                pass  # not ours, or damaged: made again
        made = self.make(rows)
        with written_whole(path) as part, part.open("wb") as file:
            np.save(file, made)
        return made

    def missing(self, rows: int) -> int:
        """How many of the chunks of the first rows are not on disk."""
        return sum(not self._path(index).is_file() for index in range(-(-rows // self.size)))

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:05d}.npy"
