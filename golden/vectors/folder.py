"""A vector package being written: a folder that appears whole or not at all, and its file table."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bittrue.golden.vectors.manifest import FileEntry
from bittrue.spec.errors import BadInput


@dataclass
class PackageFolder:
    """Writes files below `path` and remembers each with its size and hash; without a path it only remembers."""

    path: Path | None
    entries: dict[str, FileEntry] = field(default_factory=dict)
    bytes_written: int = 0

    def write(self, path: str, parts: Iterable[bytes | memoryview]) -> str:
        """Write one file from its parts, hashing them on the way; returns `path`."""
        digest, size = hashlib.sha256(), 0
        file = None
        if self.path is not None:
            target = self.path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            file = target.open("wb")
        try:
            for part in parts:
                digest.update(part)
                size += len(part)
                if file is not None:
                    file.write(part)
        finally:
            if file is not None:
                file.close()
        self.entries[path] = FileEntry(sha256=digest.hexdigest(), bytes=size)
        self.bytes_written += size
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
def folder_written_whole(out: Path | None) -> Iterator[PackageFolder]:
    """Yield a temporary folder beside `out`; it becomes `out` when the block ends well, else it goes.

    Without `out` nothing is written: the table of files is all there is. Raises BadInput unless `out` is new or
    an empty folder.
    """
    if out is None:
        yield PackageFolder(None)
        return
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
