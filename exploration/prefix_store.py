"""Tensors of evaluation images on disk, under their digests: what programs that begin alike take up where they part.

    prefixes/KEY/NNNNN.npy    one tensor of a chunk of evaluation images, [images, the tensor's axes]

KEY is a digest of the tensor's digest and of the images. Several processes may share the folder: files are written
beside their place and renamed, so that each is whole, and whoever makes one that is there already replaces it by the
same bytes. What was read longest ago goes first where the folder would pass its size.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bittrue.spec.errors import BadInput
from bittrue.spec.files import written_whole
from bittrue.spec.tensors import Codes, TensorSpec

GIB = 1 << 30
SHARE = 8
"""Prefixes of all images that the folder must have room for; one that is larger is not kept."""
UNFINISHED_S = 3600
"""What a killed process left half written is removed when it is so old."""


class PrefixStore:
    """Tensors of one set of decoded images."""

    def __init__(self, folder: Path, images: str, bytes_max: int) -> None:
        """images: names the images as the model sees them; bytes_max: of the whole folder."""
        self.folder, self.images, self.bytes_max = folder, images, bytes_max

    def read(self, tensors: Mapping[str, TensorSpec], chunk: int, rows: slice) -> dict[str, Codes] | None:
        """Rows of a chunk of several tensors, by their digests, as memory maps; None where one is missing."""
        found: dict[str, Codes] = {}
        if not self.bytes_max:
            return None  # whoever asks for no prefixes takes none that others have left
        for key, spec in tensors.items():
            path = self._path(key, chunk)
            try:
                codes = np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
            except (OSError, ValueError, EOFError):
                return None  # not there, taken away just now, or damaged
            if len(codes) < rows.stop or codes.shape[1:] != spec.shape or codes.dtype != spec.dtype:
                return None
            found[key] = codes[rows]
        for key in tensors:
            with contextlib.suppress(OSError):
                os.utime(self._path(key, chunk))  # what is read stays longest
        return found

    def keep(self, key: str, chunk: int, codes: Codes) -> None:
        """Write the first rows of a chunk of one tensor. A folder that cannot be written keeps nothing."""
        with contextlib.suppress(BadInput):
            self._make_room(codes.nbytes)
            with written_whole(self._path(key, chunk)) as part, part.open("wb") as file:
                np.save(file, codes)

    def _make_room(self, needed: int) -> None:
        """Remove what was read longest ago. Two processes at once may pass the size by what each is writing."""
        found = []
        for path in self.folder.glob("*/*"):
            with contextlib.suppress(OSError):  # another process has removed or renamed it
                state = path.stat()
                if path.suffix == ".npy" or state.st_mtime < time.time() - UNFINISHED_S:
                    found.append((state.st_mtime, state.st_size, path))
        total = sum(size for _, size, _ in found) + needed
        for _, size, path in sorted(found, key=lambda item: item[:2]):
            if total <= self.bytes_max:
                return
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size

    def _path(self, key: str, chunk: int) -> Path:
        name = hashlib.sha256(f"{key} {self.images}".encode()).hexdigest()[:32]
        return self.folder / name / f"{chunk:05d}.npy"
