"""A vector package on disk, read without trust: it may come from a stranger.

Every byte that leaves this file has been compared with the manifest's size and SHA-256; the manifest
itself is validated against its model and its own digest.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from bittrue.golden.vectors.manifest import (
    MANIFEST_NAME,
    SCHEMA_VERSION,
    Manifest,
    manifest_digest,
    payload_digest,
)
from bittrue.golden.vectors.npy import from_npy, storage_dtype
from bittrue.golden.vectors.values import Value
from bittrue.spec.errors import BadInput

AGAIN = "get the package anew from its source, or write it again"


class _Version(BaseModel):
    """The one key that is read before the rest is understood."""

    model_config = ConfigDict(extra="ignore", strict=True)
    schema_version: int


def read_manifest(package: Path) -> Manifest:
    """Read and validate a package's manifest and compare its digests.

    Raises BadInput for a missing, damaged or edited manifest and for an unknown schema version.
    """
    path = package / MANIFEST_NAME
    if not package.is_dir() or path.is_symlink() or not path.is_file():
        raise BadInput(
            "this is no vector package",
            where=str(package),
            got="no manifest.json that is a plain file",
            expected="a folder with manifest.json",
            next_step="write one: bittrue vectors",
        )
    data = path.read_bytes()
    try:
        version = _Version.model_validate_json(data).schema_version
        if version != SCHEMA_VERSION:
            raise BadInput(
                "this package has another schema version",
                where=str(path),
                got=version,
                expected=SCHEMA_VERSION,
                next_step="check it with the version of bittrue that wrote it, or write it again",
            )
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInput(
            "the manifest is not valid",
            where=f"{path}: {place}" if place else str(path),
            got=_short(first["input"]),
            expected=first["msg"],
            next_step=AGAIN,
        ) from None
    for what, stated, actual in (
        ("the file table", manifest.payload_digest, payload_digest(manifest.files)),
        ("the manifest", manifest.manifest_digest, manifest_digest(manifest)),
    ):
        if stated != actual:
            raise BadInput(
                f"{what} was edited after it was written",
                where=str(path),
                got=f"digest {actual}",
                expected=f"digest {stated}",
                next_step=AGAIN,
            )
    return manifest


def files_of(package: Path) -> Iterator[str]:
    """The relative paths of all plain files in a package, the manifest included, in order of name.

    Raises BadInput for a symbolic link or anything else that is neither a plain file nor a folder.
    """
    folders = [package]
    while folders:
        folder = folders.pop()
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            path = Path(entry.path)
            if entry.is_symlink():
                raise BadInput(
                    "a package holds no links",
                    where=str(path),
                    got="a symbolic link",
                    expected="plain files and folders",
                    next_step=AGAIN,
                )
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif entry.is_file(follow_symlinks=False):
                yield path.relative_to(package).as_posix()
            else:
                raise BadInput(
                    "a package holds plain files only",
                    where=str(path),
                    got="a device, pipe or socket",
                    expected="plain files and folders",
                    next_step=AGAIN,
                )


def verified_bytes(package: Path, manifest: Manifest, path: str) -> bytes:
    """The contents of one listed file; raises BadInput unless size and SHA-256 are the stated ones."""
    entry, file = manifest.files[path], package / path
    try:
        size = file.stat().st_size
        if size != entry.bytes:
            raise BadInput(
                "a file of the package has another size",
                where=str(file),
                got=f"{size} bytes",
                expected=f"{entry.bytes} bytes",
                next_step=AGAIN,
            )
        data = file.read_bytes()
    except OSError as error:
        raise BadInput(
            "a file of the package cannot be read", where=str(file), got=error.strerror, next_step=AGAIN
        ) from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != entry.sha256:
        raise BadInput(
            "a file of the package has other contents",
            where=str(file),
            got=f"sha256 {digest}",
            expected=f"sha256 {entry.sha256}",
            next_step=AGAIN,
        )
    return data


def load_value(package: Path, manifest: Manifest, value: Value) -> NDArray[np.integer]:
    """The codes of a value, from its .npy file; raises BadInput for another shape or dtype than stated."""
    where = str(package / value.npy)
    codes = from_npy(verified_bytes(package, manifest, value.npy), where)
    dtype = storage_dtype(value.bits, value.signed)
    if codes.shape != value.shape or codes.dtype != dtype:
        raise BadInput(
            "an array is not what the manifest states",
            where=where,
            got=f"{codes.dtype} {codes.shape}",
            expected=f"{dtype} {value.shape}",
            next_step=AGAIN,
        )
    return codes


def _short(value: object) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."
