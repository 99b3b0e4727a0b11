"""A vector package being written: a folder that appears whole or not at all, and its file table."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.vectors.manifest import FileEntry
from bittrue.golden.vectors.memory import from_patterns, to_mem, to_patterns
from bittrue.golden.vectors.npy import to_npy
from bittrue.golden.vectors.widths import Width
from bittrue.spec.errors import BadInput


@dataclass(frozen=True)
class CodeFiles:
    """Where one array of codes stands, relative to the package."""

    npy: str
    mem: str


@dataclass(frozen=True)
class PackageFolder:
    """Writes arrays of codes below `path` and remembers every file."""

    path: Path
    entries: dict[str, FileEntry] = field(default_factory=dict)

    def add(self, stem: str, codes: NDArray[np.integer], width: Width, name: str) -> CodeFiles:
        """Write codes of any shape as stem.npy and stem.mem; `name` stands in the comment of the latter.

        Raises OutOfDomain for a code that the width does not hold.
        """
        patterns = to_patterns(codes, bits=width.bits, signed=width.signed, name=name)
        stored = from_patterns(patterns, bits=width.bits, signed=width.signed).reshape(codes.shape)
        text = to_mem(codes, width.bits, signed=width.signed, name=name)
        return CodeFiles(self._write(f"{stem}.npy", to_npy(stored)), self._write(f"{stem}.mem", text.encode()))

    def _write(self, path: str, data: bytes) -> str:
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        self.entries[path] = FileEntry(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        return path


def check_empty(out: Path) -> None:
    """Refuse a package folder that is neither new nor empty; before any work, where it can be."""
    if out.is_symlink() or (out.exists() and not out.is_dir()) or (out.is_dir() and any(out.iterdir())):
        raise BadInput(
            "the output folder is not empty",
            where=str(out),
            got="files in it, or no folder",
            expected="a new or an empty folder",
            next_step="choose another --out, or remove the folder first",
        )


@contextmanager
def folder_written_whole(out: Path) -> Iterator[PackageFolder]:
    """Yield a temporary folder beside `out`; it becomes `out` when the block ends well, else it goes.

    Raises BadInput unless `out` is new or an empty folder.
    """
    check_empty(out)
    part = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=".part"))
        mask = os.umask(0)  # mkdtemp makes the folder private; what a user asked for gets the usual permissions
        os.umask(mask)
        part.chmod(0o777 & ~mask)
        yield PackageFolder(part)
        part.replace(out)  # takes the place of an empty folder
    except OSError as error:
        raise BadInput(
            "cannot write here", where=str(out), got=error.strerror, next_step="choose another --out"
        ) from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)
